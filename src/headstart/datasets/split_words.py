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
}
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


def split_of_cell(cell: str) -> str | None:
    """The split that a table's cell names, which must be the word alone."""
    return _WORDS.get(cell.strip().casefold())


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
