"""The dataset as a table: one row a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart import labels as naming
from headstart.errors import DatasetError
from headstart.unusable import REASONS, Unusable

SPLITS = ("train", "validation", "test")

_MANY_CLASSES = 8
_FIRST_CLASSES = 4
_IN_WORDS = {
    "no_file": ("row without a file", "rows without a file"),
    "no_row": ("file without a row", "files without a row"),
    "ambiguous_file": ("row that fits several files", "rows that fit several files"),
    "no_label": ("picture without a label", "pictures without a label"),
    "conflicting_labels": ("picture with two labels", "pictures with two labels"),
    "unreadable": ("unreadable folder", "unreadable folders"),
}


BY_NAMES = "file names"
"""The layout in which they hold the labels."""


@dataclass(frozen=True)
class Manifest:
    """What was understood of a folder or a table, and what of it could not be used.

    Args:
        root: The folder that ids are relative to.
        ids: Paths below ``root`` with ``/``, unique. Names that are not UTF-8 are kept as Python
            gives them (surrogate escapes).
        labels: What people wrote, one a picture.
        splits: ``"train"``, ``"validation"``, ``"test"``, or ``""`` where none was given.
        groups: The name of what must not be split apart, or ``""``.
        layout: How labels were found, in words.
        notes: What was decided on the way and a person may want to know.
        unusable: Files and rows that are left out, each with its reason.
        skipped: Files that are no pictures, counted by kind.
        name: What the dataset is called where it is spoken of: ``pets/`` or ``labels.csv``.
        declared: Every class that has a folder or a label; ``class_names`` has those with pictures.
    """

    root: Path
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    groups: tuple[str, ...]
    layout: str
    notes: tuple[str, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    declared: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.labels), len(self.splits), len(self.groups)}
        if len(lengths) > 1:
            raise _wrong(f"the columns have different lengths: {sorted(lengths)}")
        if len(set(self.ids)) < len(self.ids):
            twice = next(name for name, count in Counter(self.ids).items() if count > 1)
            raise _wrong(f"the id {twice!r} stands there more than once")
        if unknown := set(self.splits) - {*SPLITS, ""}:
            raise _wrong(f"unknown split {min(unknown)!r}")
        if "" in self.labels:
            raise _wrong(f"{self.ids[self.labels.index('')]!r} has an empty label")

    def __len__(self) -> int:
        return len(self.ids)

    def path(self, index: int) -> Path:
        """Where one picture is."""
        return self.root / self.ids[index]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the pictures are."""
        return tuple(self.root / name for name in self.ids)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The classes in natural order; the index of a class is its place here."""
        return naming.class_names(self.labels)

    @cached_property
    def class_indices(self) -> npt.NDArray[np.int64]:
        """int64 [N]: the class of each picture."""
        return naming.class_indices(self.labels, self.class_names)

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures each class has."""
        counted = Counter(self.labels)
        return {name: counted[name] for name in self.class_names}

    @property
    def nearly_equal(self) -> tuple[tuple[str, str], ...]:
        """Pairs (a, b) of classes that may be meant as one; a has no more pictures than b."""
        counts = self.counts
        return tuple(
            (first, second) if counts[first] < counts[second] else (second, first)
            for first, second in naming.nearly_equal_pairs(self.class_names)
        )

    def select(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Manifest:
        """The pictures at ``indices``, in that order; notes and what is left out stay."""
        rows = [int(index) for index in indices]
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            splits=tuple(self.splits[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
        )

    def summary(self) -> str:
        """One line that says what was understood.

        Example:
            ``pets/: 2 000 pictures, cats 1 000, dogs 1 000 · train 1 600, test 400``
        """
        name = self.name or f"{self.root.absolute().name}/"
        parts = [f"{name}: {counted(len(self), 'picture', 'pictures')}, {self._classes_in_words()}"]
        if self.layout == BY_NAMES:
            parts.append("labels from the names of the files")
        if any(self.splits):
            given = Counter(self.splits)
            parts.append(
                ", ".join(
                    f"{split or 'no split'} {with_spaces(given[split])}"
                    for split in (*SPLITS, "")
                    if given[split]
                )
            )
        if groups := len(set(self.groups) - {""}):
            parts.append(counted(groups, "group", "groups"))
        reasons = Counter(row.reason for row in self.unusable)
        parts += [
            counted(reasons[reason], *_IN_WORDS.get(reason, (REASONS[reason],) * 2))
            for reason in REASONS
            if reasons[reason]
        ]
        if self.skipped:
            skipped = sum(count for _, count in self.skipped)
            kinds = sorted(self.skipped, key=lambda kind: -kind[1])
            in_words = first_of(f"{kind} {with_spaces(count)}" for kind, count in kinds)
            parts.append(f"{counted(skipped, 'other file', 'other files')} skipped ({in_words})")
        return " · ".join(parts)

    def _classes_in_words(self) -> str:
        counts = [f"{name} {with_spaces(count)}" for name, count in self.counts.items()]
        if len(counts) <= _MANY_CLASSES:
            return ", ".join(counts)
        shown = ", ".join(counts[:_FIRST_CLASSES])
        return f"{shown}, … {with_spaces(len(counts))} classes"


def with_spaces(number: int) -> str:
    """A count with narrow no-break spaces between the thousands."""
    return f"{number:,}".replace(",", "\u202f")


def counted(number: int, one: str, many: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{with_spaces(number)} {one if number == 1 else many}"


def first_of(names: Iterable[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else f"{shown} and {with_spaces(len(listed) - most)} more"


def _wrong(what: str) -> DatasetError:
    return DatasetError(
        what,
        "one id, label, split and group for each picture, every id once, no empty label",
        "correct the rows that the manifest is made of",
    )
