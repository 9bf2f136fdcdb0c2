"""The words by which people name a split: of folders, of tables, of a table's cells."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

_WORDS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "eval": "test",
    "evaluation": "test",
    "holdout": "test",
    "publictest": "validation",  # as competitions have it
    "privatetest": "test",
}
# Columns of yes and no, without signs: which split either is.
_FLAGS = {
    "isvalid": ("validation", "train"),
    "isval": ("validation", "train"),
    "isvalidation": ("validation", "train"),
    "istest": ("test", "train"),
    "istrain": ("train", "test"),
    "istraining": ("train", "test"),
}
_YES, _NO = (
    ("true", "yes", "t", "y", "1", "10"),
    ("false", "no", "f", "n", "0", "00"),
)  # 1.0 and 0.0 without the point
# What stands beside the word without changing what is meant: test_set, train_images, val_labels.
_FILLERS = "set|sets|split|data|dataset|images|image|imgs|img|pictures|photos|labels|label|list"
_SPLIT = re.compile(rf"(?<![a-z])({'|'.join(_WORDS)})(?:{_FILLERS})?(?![a-z])")

Item = TypeVar("Item")


def split_of(name: str) -> str | None:
    """The split that a folder's or a table's name speaks of, or None.

    Example:
        >>> split_of("Training"), split_of("seg_train"), split_of("testSet2"), split_of("latest")
        ('train', 'train', 'test', None)
    """
    found = _found(name)
    return found[0] if found else None


def split_of_cell(cell: str, column: str = "") -> str | None:
    """The split that a table's cell names, which must be the word alone.

    In a column that is named ``is_valid``, ``is_test`` or ``is_train``, what yes and no mean.

    Example:
        >>> split_of_cell("Hold-out"), split_of_cell("True", "is_valid"), split_of_cell("unused")
        ('test', 'validation', None)
    """
    yes_and_no = _FLAGS.get(_bare(column))
    if yes_and_no is None:
        return _WORDS.get(_bare(cell))
    word = _bare(cell)
    return yes_and_no[0] if word in _YES else yes_and_no[1] if word in _NO else None


def is_flag(column: str) -> bool:
    """Whether a column's name says that it holds yes and no about a split."""
    return _bare(column) in _FLAGS


def _bare(text: str) -> str:
    """Letters and digits alone, small."""
    return re.sub(r"[\W_]+", "", text.casefold())


def split_sets(named: Iterable[tuple[str, Item]]) -> list[dict[str, list[Item]]]:
    """Items that belong together, by split: ``seg_train`` and ``seg_test``, not ``old_test``.

    Args:
        named: Names and what they name.

    Returns:
        One dictionary for each distinct rest of the names, those with a ``"train"`` first.
    """
    sets: dict[str, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for name, item in named:
        if found := _found(name):
            split, rest = found
            sets[rest][split].append(item)
    return sorted((dict(by_split) for by_split in sets.values()), key=lambda s: "train" not in s)


def _found(name: str) -> tuple[str, str] | None:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold()
    match = _SPLIT.search(spaced)
    if match is None:
        return None
    rest = re.findall(r"[a-z]+", f"{spaced[: match.start()]} {spaced[match.end() :]}")
    return _WORDS[match[1]], " ".join(word for word in rest if word not in _FILLERS.split("|"))
