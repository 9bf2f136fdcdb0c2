"""Which column of a table holds the files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headstart.datasets.column_names import place_of, usual, word_of
from headstart.datasets.tables import Cells, Table, pictures_inside
from headstart.datasets.walking import IMAGE_SUFFIXES, suffix_of
from headstart.errors import DatasetError

# In order of preference where a table has several of them.
_NAMES = usual(
    """
    image path filepath file_path image_path img_path filename file_name image_name img_name file
    img image_file image_id img_id picture photo id name
    """
)
_ROWS_TO_JUDGE_BY = 1000


def find_image_column(table: Table, wanted: str | None, names_a_file: Callable[[str], bool]) -> int:
    """The column of files.

    Args:
        table: The table.
        wanted: Its name or number, where that was set.
        names_a_file: Whether a cell can be resolved to a file.

    Raises:
        DatasetError: No column holds files.
        SettingError: There is no such column.
    """
    header = table.header or table.rows[0]
    if wanted is not None:
        return place_of("image_column", wanted, header, table.header or header)
    sample = table.rows[:_ROWS_TO_JUDGE_BY] if table.header else _sample(table.rows)
    ranked = [
        (_rank(column, header[place], names_a_file), -place)
        for place, column in enumerate(zip(*sample, strict=True))
    ]
    best, negative_place = max(ranked)
    if table.embedded and not best[1]:  # the names of classes may be names of files too
        raise pictures_inside(table)
    if not best[0] and len(table.rows) == 1 and not table.header:
        raise DatasetError(
            f"{table.path} has one row alone, and no cell of it names a file: {', '.join(header)}",
            "below the header a row for each picture",
            "write the rows, or give the folder of the pictures instead",
        )
    if not best[0]:
        raise DatasetError(
            f"no column of {table.path} holds files: {', '.join(header)}",
            "a column of file names, with the files in the table's folder",
            "say where they are (--images FOLDER), or which column it is (--image-column NAME)",
        )
    return -negative_place


def is_image_name(name: str) -> bool:
    """Whether people call a column of files so."""
    return word_of(name) in _NAMES


def mostly_files(column: Sequence[str]) -> bool:
    """Whether half of the cells or more end as names of pictures do."""
    return 2 * sum(map(_looks_like_a_file, column)) >= len(column)


def may_be_file(cell: str, names_a_file: Callable[[str], bool]) -> bool:
    """Whether a cell is one, or looks so."""
    return _looks_like_a_file(cell) or names_a_file(cell)


def _sample(rows: Sequence[Cells]) -> Sequence[Cells]:
    """Rows that are no header in any case."""
    return rows[1 : _ROWS_TO_JUDGE_BY + 1] if len(rows) > 1 else rows


def _rank(
    column: Sequence[str], name: str, names_a_file: Callable[[str], bool]
) -> tuple[bool, bool, int, int]:
    """How well a column fits: files at all, with extensions, how different, how named."""
    looks = mostly_files(column)
    fits = looks or 2 * sum(map(names_a_file, column)) >= len(column)
    word = word_of(name)
    named = -_NAMES.index(word) if word in _NAMES else -len(_NAMES)
    return fits, looks, len(set(column)), named


def _looks_like_a_file(cell: str) -> bool:
    return suffix_of(re.split(r"[\\/]", cell.strip())[-1]) in IMAGE_SUFFIXES
