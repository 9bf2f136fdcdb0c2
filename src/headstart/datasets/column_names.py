"""Columns that are named: by the user, or by words that people use."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from headstart.datasets.tables import Cells
from headstart.errors import SettingError
from headstart.labels import similar


def usual(text: str) -> tuple[str, ...]:
    """Names in order of preference."""
    return tuple(text.split())


def word_of(name: str) -> str:
    """A name in small letters, its parts joined by ``_``: ``"imageName"`` is ``"image_name"``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[\W_]+", "_", spaced.casefold()).strip("_")


def place_of(setting: str, wanted: str, header: Cells, row: Cells) -> int:
    """Where a column is that is named, or numbered from 1.

    Args:
        setting: What names it, for the error.
        wanted: The name or number.
        header: The columns' names, or empty.
        row: Any row, for the number of columns.

    Raises:
        SettingError: There is no such column.
    """
    if wanted in header:
        return header.index(wanted)
    same = [place for place, name in enumerate(header) if word_of(name) == word_of(wanted)]
    if len(same) == 1:
        return same[0]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(row):
        return int(wanted) - 1
    near = similar(wanted, header)
    raise SettingError(
        f"{setting} {wanted!r}: there is no such column",
        f"one of {', '.join(header)}" if header else f"a number from 1 to {len(row)}",
        f"did you mean {near[0]!r}?" if near else f"name a column, or its number 1 to {len(row)}",
    )


def first_named(header: Cells, names: Sequence[str], taken: Collection[int | None]) -> int | None:
    """The column that is named by the most usual word, of those that are free."""
    found = [
        (names.index(word_of(name)), place)
        for place, name in enumerate(header)
        if word_of(name) in names and place not in taken
    ]
    return min(found)[1] if found else None
