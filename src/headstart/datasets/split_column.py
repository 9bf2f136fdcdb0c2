"""Which column of a table tells the splits."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.datasets.column_names import place_of, usual, word_of
from headstart.datasets.manifest import first_of
from headstart.datasets.options import NO_SPLITS, ReadOptions
from headstart.datasets.split_words import is_flag, split_of_cell
from headstart.datasets.tables import Cells
from headstart.errors import DatasetError, SettingError

_NAMES = usual("split set subset partition phase fold usage dataset")


def is_split_name(name: str) -> bool:
    """Whether a column of this name is expected to tell the splits."""
    return word_of(name) in _NAMES or is_flag(name)


def find_split_column(header: Cells, body: Sequence[Cells], options: ReadOptions) -> int | None:
    """The column of splits, or None.

    Args:
        header: The columns' names, or empty.
        body: The rows below.
        options: May name it and other columns.

    Raises:
        DatasetError: Several columns tell it, or one that is named for splits holds other words.
        SettingError: The named column does not exist, or holds other words.
    """
    if options.split_column is not None:
        return _by_name(header, body, options.split_column)
    other = {
        word_of(name)
        for name in (options.image_column, options.label_column, options.group_column)
        if name
    }
    good, mixed = [], []
    for place in range(len(body[0])):
        name = header[place] if header else ""
        if word_of(name) in other or str(place + 1) in other:
            continue
        splits, is_named = _cells_by_split(header, body, place), is_split_name(name)
        if None not in splits and len(splits) > (0 if is_named else 1):
            good.append(place)
        elif is_named and None in splits and (len(splits) > 1 or is_flag(name)):
            mixed.append((name, splits))
    flags = [header[place] for place in good if header and is_flag(header[place])]
    if len(flags) > 1:
        raise DatasetError(
            f"several columns tell the split: {first_of(flags)}",
            "one column with train, validation or test in each row",
            "write one, or say which: --split-column NAME",
        )
    if mixed and not good:
        _refuse_other_words(*mixed[0])
    return good[0] if good else None


def _by_name(header: Cells, body: Sequence[Cells], wanted: str) -> int | None:
    if wanted == NO_SPLITS and wanted not in header:
        return None
    place = place_of("split_column", wanted, header, body[0])
    if unknown := _cells_by_split(header, body, place).get(None):
        raise SettingError(
            f"split_column {wanted!r} holds {first_of(map(repr, unknown))}",
            "only train, validation and test",
            f"name another column, or {NO_SPLITS}: no column is about splits",
        )
    return place


def _cells_by_split(
    header: Cells, body: Sequence[Cells], place: int
) -> dict[str | None, list[str]]:
    """What stands in a column, under the split that it names, or None where it names none."""
    name = header[place] if header else ""
    found: dict[str | None, list[str]] = {}
    for cell in sorted({row[place].strip() for row in body} - {""}):
        found.setdefault(split_of_cell(cell, name), []).append(cell)
    return found


def _refuse_other_words(name: str, splits: dict[str | None, list[str]]) -> None:
    """A column that is named for splits and names some must not be passed over.

    Raises:
        DatasetError: Test pictures would be learnt from.
    """
    known = [cell for split, cells in splits.items() if split for cell in cells]
    raise DatasetError(
        f"the column {name!r} names splits{f' ({first_of(known)})' if known else ''}, but also "
        f"{first_of(map(repr, splits[None]))}",
        "train, validation or test in every row that has anything there",
        "write these words, take out the rows that are not to be used, or say --split-column "
        f"{NO_SPLITS} if it is about something else",
    )
