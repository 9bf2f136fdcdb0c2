"""What a person may say about a dataset that reading would otherwise find out by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NO_GROUPS = NO_SPLITS = "none"
TABLE_SETTINGS = ("image_column", "label_column", "group_column", "split_column", "images")


@dataclass(frozen=True)
class ReadOptions:
    r"""Settings of ``reading.read``; one that has no effect on the dataset is refused.

    Args:
        label_pattern: A regular expression whose group is the label: ``^(.+)_\d+``. Searched in
            each file's name, or in its path where the pattern holds a ``/``.
        group_pattern: A regular expression whose group is the group's name, searched in the id;
            `NO_GROUPS`: none, also where names seem to hold groups.
        image_column: A table's column with the files: its name, or its number counted from 1.
        label_column: The column with the labels.
        group_column: The column with the groups.
        split_column: The column with the splits.
        images: The folder where a table's files are.
        merge: Pairs (a, b): class a becomes class b, in this order.
        test: A separate folder or table to judge by.
    """

    label_pattern: str | None = None
    group_pattern: str | None = None
    image_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    images: Path | None = None
    merge: tuple[tuple[str, str], ...] = ()
    test: Path | None = None
