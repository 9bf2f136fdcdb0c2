"""Which columns of a table hold the labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from headstart.datasets.column_names import first_named, place_of, usual, word_of
from headstart.datasets.image_column import mostly_files
from headstart.datasets.manifest import first_of
from headstart.datasets.tables import Cells
from headstart.errors import DatasetError

# In order of preference where a table has several of them.
_NAMES = usual(
    """
    label labels class class_name classname class_label category category_name target y species
    breed diagnosis dx variety label_name class_id label_id target_id category_id
    """
)
_MOSTLY = 0.75


def find_label_columns(
    path: Path,
    header: Cells,
    body: Sequence[Cells],
    taken: Collection[int | None],
    wanted: str | None,
) -> tuple[int, ...]:
    """The column of labels, alone; several of 0 and 1, a class each; or none.

    Args:
        path: Of the table, for errors.
        header: The columns' names, or empty.
        body: The rows below.
        taken: Columns that are something else.
        wanted: Its name or number, where that was set.

    Raises:
        DatasetError: Several columns may be the label.
        SettingError: There is no such column.
    """
    if wanted is not None:
        return (place_of("label_column", wanted, header, body[0]),)
    named = first_named(header, _NAMES, taken)
    if named is not None:
        return (named,)
    cells = {
        place: column for place, column in enumerate(zip(*body, strict=True)) if place not in taken
    }
    if header and (one_hot := _one_hot(cells)):
        return one_hot
    candidates = _candidates(cells)
    if len(candidates) > 1:
        _refuse_several(path, header, cells, candidates)
    return tuple(candidates)


def is_label_name(name: str) -> bool:
    """Whether people call a column of labels so."""
    return word_of(name) in _NAMES


def is_one(cell: str) -> bool:
    """Whether a cell of 0 and 1 is 1."""
    return cell.strip() in ("1", "1.0")


def _refuse_several(
    path: Path, header: Cells, cells: dict[int, tuple[str, ...]], candidates: list[int]
) -> None:
    candidates = sorted(candidates, key=lambda place: all(map(_is_bit, cells[place])))
    names = [header[place] if header else str(place + 1) for place in candidates]
    if all(map(_is_bit, cells[candidates[0]])):
        raise DatasetError(
            f"the columns of {path} that may be labels hold only 0 and 1, and not "
            f"one 1 in most rows: {first_of(names, 8)}",
            "one class for each picture",
            "write a column of class names, one for each picture",
        )
    raise DatasetError(
        f"several columns of {path} may be the label: {first_of(names, 8)}",
        "one column of class names",
        "say which: --label-column NAME, or its number",
    )


def _one_hot(cells: dict[int, tuple[str, ...]]) -> tuple[int, ...]:
    binary = [place for place, column in cells.items() if all(map(_is_bit, column))]
    if len(binary) < 2:
        return ()
    ones = [sum(map(is_one, row)) for row in zip(*(cells[p] for p in binary), strict=True)]
    # Properties (male, young, smiling) are columns of 0 and 1 too, with any number of ones.
    return tuple(binary) if ones.count(1) > _MOSTLY * len(ones) else ()


def _is_bit(cell: str) -> bool:
    return cell.strip() in ("0", "1", "0.0", "1.0")


def _candidates(cells: dict[int, tuple[str, ...]]) -> list[int]:
    """Columns that may hold classes: values that come again, and are no files."""
    rows = len(next(iter(cells.values()), ()))
    # A single column beside the files has more benefit of the doubt than one of many.
    most = max(2, rows - 1 if len(cells) == 1 else rows // 2)
    distinct = {
        place: len({cell for cell in column if cell.strip()})
        for place, column in cells.items()
        if not mostly_files(column)
    }
    several = [place for place, count in distinct.items() if 1 < count <= most]
    return several or [place for place, count in distinct.items() if count == 1]
