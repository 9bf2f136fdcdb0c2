"""Class names and their indices, and names that are nearly equal."""

from __future__ import annotations

import difflib
import re
import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

_LETTERS_FOR_A_TYPO = 5


def natural_key(name: str) -> tuple[object, ...]:
    """A sorting key under which ``class2`` comes before ``class10``.

    Equal only for equal names, so that the order never depends on the order before.
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    digits = [part.lstrip("0") for part in parts[1::2]]
    # Longer numbers are larger; comparing lengths first needs no limit on the number of digits.
    numbers = [(len(number), number) for number in digits]
    parts_in_turn: list[object] = [parts[0]]
    for number, text in zip(numbers, parts[2::2], strict=True):
        parts_in_turn += [number, text]
    return (tuple(parts_in_turn), name)


def class_names(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels in natural order; a class's index is its place here."""
    return tuple(sorted(set(labels), key=natural_key))


def class_indices(labels: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """int64 [N]: the place of each label among ``names``.

    Raises:
        KeyError: A label is not among them.
    """
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[label] for label in labels], dtype=np.int64)


def spelling(name: str) -> str:
    """What a name is without the differences that people do not see: case, form, outer spaces."""
    if name.isascii():
        return name.strip().casefold()
    composed = unicodedata.normalize("NFC", name).strip().casefold()
    return unicodedata.normalize("NFC", composed)


def match_names(labels: Iterable[str], known: Iterable[str]) -> dict[str, str | None]:
    """The known name that each label means, or None.

    The same name if there is one; else the only one with the same spelling. So ``Cats`` is
    ``cats``, but where ``A`` and ``a`` are both known, each label is the one it is written as.
    """
    names = set(known)
    by_spelling: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_spelling[spelling(name)].append(name)

    def meant(label: str) -> str | None:
        alike = by_spelling.get(spelling(label), [])
        return label if label in names else alike[0] if len(alike) == 1 else None

    return {label: meant(label) for label in labels}


def nearly_equal(first: str, second: str) -> bool:
    """Whether two different names may be meant as one.

    They are the same to the eye (case, Unicode form, outer spaces), or one letter apart in names
    of five letters or more. ``class1`` and ``class2`` are not: they differ in a digit.
    """
    if first == second:
        return False
    one, other = spelling(first), spelling(second)
    return one == other or _one_letter_apart(one, other)


def nearly_equal_pairs(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Every two names that are nearly equal, in natural order."""
    # Names one letter apart share a variant with one letter left out: no need to compare all
    # with all, which ten thousand classes would make slow.
    sharing: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for variant in _variants(spelling(name)):
            sharing[variant].add(name)
    pairs = {
        (first, second)
        for together in sharing.values()
        for first, second in combinations(sorted(together, key=natural_key), 2)
        if nearly_equal(first, second)
    }
    return tuple(sorted(pairs, key=lambda pair: [natural_key(name) for name in pair]))


def merge_option(old: str, new: str) -> str:
    """The option that makes class ``old`` be ``new``, as it is typed in a shell."""
    return f"--merge {shlex.quote(f'{old}={new}')}"


def similar(name: str, names: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Up to ``most`` of ``names`` that someone who wrote ``name`` may have meant, best first."""
    by_spelling = {spelling(candidate): candidate for candidate in sorted(names, key=natural_key)}
    found = difflib.get_close_matches(spelling(name), list(by_spelling), n=most)
    return tuple(by_spelling[close] for close in found)


def _variants(name: str) -> set[str]:
    if _letters(name) < _LETTERS_FOR_A_TYPO:
        return {name}  # Two thousand names of one letter each would all share the empty one.
    return {name} | {name[:place] + name[place + 1 :] for place in range(len(name))}


def _one_letter_apart(first: str, second: str) -> bool:
    short, long = sorted((first, second), key=len)
    if min(_letters(short), _letters(long)) < _LETTERS_FOR_A_TYPO:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) == len(long):
        apart = short[start : start + 1] + long[start : start + 1]
        same_rest = short[start + 1 :] == long[start + 1 :]
    else:
        apart = long[start : start + 1]
        same_rest = short[start:] == long[start + 1 :]
    return same_rest and not any(letter.isdigit() for letter in apart)


def _letters(name: str) -> int:
    return sum(letter.isalpha() for letter in name)
