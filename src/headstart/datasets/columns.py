"""Which column of a table is what, found by content first and by name second."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from headstart.datasets.manifest import first_of
from headstart.datasets.options import NO_SPLITS, ReadOptions
from headstart.datasets.split_words import is_flag, split_of_cell
from headstart.datasets.tables import Cells, Table, pictures_inside
from headstart.datasets.walking import IMAGE_SUFFIXES, suffix_of
from headstart.errors import DatasetError, SettingError
from headstart.labels import similar


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# In order of preference where a table has several of them.
_IMAGE_NAMES = _words(
    """
    image path filepath file_path image_path img_path filename file_name image_name img_name file
    img image_file image_id img_id picture photo id name
    """
)
_LABEL_NAMES = _words(
    """
    label labels class class_name classname class_label category category_name target y species
    breed diagnosis dx variety label_name class_id label_id target_id category_id
    """
)
_SPLIT_NAMES = _words("split set subset partition phase fold usage dataset")
_GROUP_NAMES = _words(
    """
    group group_id groups patient patient_id patientid subject subject_id subjectid case_id
    lesion_id session session_id video video_id
    """
)
_ROWS_TO_JUDGE_BY = 1000
_MOSTLY = 0.75


@dataclass(frozen=True)
class Columns:
    """Places of columns.

    Args:
        header: The columns' names, or empty where the table has none.
        image: Where the files are.
        label: Where the labels are, or None.
        one_hot: Columns of 0 and 1, one of them 1 in most rows: the class is that column's name.
        split: Where the splits are, or None.
        group: Where the groups are, or None.
    """

    header: Cells
    image: int
    label: int | None = None
    one_hot: tuple[int, ...] = ()
    split: int | None = None
    group: int | None = None

    @property
    def has_labels(self) -> bool:
        """Whether rows have labels."""
        return self.label is not None or bool(self.one_hot)

    def split_of(self, row: Cells) -> str:
        """A row's split; ``""`` where there is none."""
        if self.split is None:
            return ""
        return split_of_cell(row[self.split], self.header[self.split] if self.header else "") or ""

    def labels_of(self, row: Cells) -> tuple[str, ...]:
        """A row's label without outer spaces; none, or several where several columns are 1."""
        if self.label is not None:
            return tuple(filter(None, [row[self.label].strip()]))
        return tuple(self.header[place] for place in self.one_hot if _is_one(row[place]))

    def in_words(self) -> str:
        """Which columns are used for what."""
        used = {
            "files": self.image,
            "labels": self.label,
            "splits": self.split,
            "groups": self.group,
        }
        words = [
            f"{what} in {self._name(place)}" for what, place in used.items() if place is not None
        ]
        if self.one_hot:
            words.append(f"labels in {len(self.one_hot)} columns of 0 and 1")
        idle = [
            repr(name)
            for place, name in enumerate(self.header)
            if _is_split_name(name) and place not in {*used.values(), *self.one_hot}
        ]
        if idle:
            words.append(f"{', '.join(idle)} not used")
        return ", ".join(words)

    def _name(self, place: int) -> str:
        return repr(self.header[place]) if self.header else f"column {place + 1}"

    def body(self, table: Table) -> tuple[Cells, ...]:
        """The table's rows without the header."""
        return table.rows if table.header or not self.header else table.rows[1:]


def find_columns(
    table: Table, options: ReadOptions, names_a_file: Callable[[str], bool]
) -> Columns:
    """Find the columns of a table; settings are obeyed before anything is looked for.

    Args:
        table: The table.
        options: May name columns.
        names_a_file: Whether a cell can be resolved to a file.

    Raises:
        DatasetError: No column holds files, or several may be the label.
        SettingError: There is no such column.
    """
    image = _image_column(table, options, names_a_file)
    first = table.rows[0]
    is_header = not table.header and not _may_be_file(first[image], names_a_file)
    columns = Columns(_stripped(table.header or (first if is_header else ())), image)
    body = columns.body(table)
    if not body:
        raise DatasetError(f"{table.path} has a header, but no rows", "one picture a row")
    columns = replace(
        columns,
        split=_split_column(columns, body, options),
        group=_named(columns, body, "group_column", options.group_column, _GROUP_NAMES),
    )
    return _with_label(table, columns, body, options)


def columns_like(table: Table, like: Columns) -> Columns | None:
    """The columns of a table that has the same ones as another, or None.

    The label's column may be missing, as in the test table of a competition.
    """
    first = _stripped(table.header or table.rows[0])
    if not like.header:
        return like if not table.header and len(first) == len(table.rows[0]) else None
    places = {name: place for place, name in enumerate(first)}
    if like.header[like.image] not in places:
        return None

    def place(column: int | None) -> int | None:
        return None if column is None else places.get(like.header[column])

    one_hot = [place(column) for column in like.one_hot]
    return Columns(
        header=first,
        image=places[like.header[like.image]],
        label=place(like.label),
        one_hot=tuple(column for column in one_hot if column is not None),
        split=place(like.split),
        group=place(like.group),
    )


def _image_column(table: Table, options: ReadOptions, names_a_file: Callable[[str], bool]) -> int:
    header = table.header or table.rows[0]
    if options.image_column is not None:
        return _place("image_column", options.image_column, header, table.header or header)
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


def _sample(rows: Sequence[Cells]) -> Sequence[Cells]:
    """Rows that are no header in any case."""
    return rows[1 : _ROWS_TO_JUDGE_BY + 1] if len(rows) > 1 else rows


def _rank(
    column: Sequence[str], name: str, names_a_file: Callable[[str], bool]
) -> tuple[bool, bool, int, int]:
    """How well a column fits: files at all, with extensions, how different, how named."""
    looks = _mostly_files(column)
    fits = looks or 2 * sum(map(names_a_file, column)) >= len(column)
    word = _word(name)
    named = -_IMAGE_NAMES.index(word) if word in _IMAGE_NAMES else -len(_IMAGE_NAMES)
    return fits, looks, len(set(column)), named


def _looks_like_a_file(cell: str) -> bool:
    return suffix_of(re.split(r"[\\/]", cell.strip())[-1]) in IMAGE_SUFFIXES


def _mostly_files(column: Sequence[str]) -> bool:
    return 2 * sum(map(_looks_like_a_file, column)) >= len(column)


def _may_be_file(cell: str, names_a_file: Callable[[str], bool]) -> bool:
    return _looks_like_a_file(cell) or names_a_file(cell)


def _split_column(columns: Columns, body: Sequence[Cells], options: ReadOptions) -> int | None:
    if options.split_column is not None:
        return _split_column_by_name(columns, body, options.split_column)
    other = {
        _word(name)
        for name in (options.image_column, options.label_column, options.group_column)
        if name
    }
    good, mixed = [], []
    for place in range(len(body[0])):
        name = columns.header[place] if columns.header else ""
        if _word(name) in other or str(place + 1) in other:
            continue
        splits, is_named = _cells_by_split(columns, body, place), _is_split_name(name)
        if None not in splits and len(splits) > (0 if is_named else 1):
            good.append(place)
        elif is_named and None in splits and (len(splits) > 1 or is_flag(name)):
            mixed.append((name, splits))
    flags = [
        columns.header[place] for place in good if columns.header and is_flag(columns.header[place])
    ]
    if len(flags) > 1:
        raise DatasetError(
            f"several columns tell the split: {first_of(flags)}",
            "one column with train, validation or test in each row",
            "write one, or say which: --split-column NAME",
        )
    if mixed and not good:
        _refuse_other_words(*mixed[0])
    return good[0] if good else None


def _split_column_by_name(columns: Columns, body: Sequence[Cells], wanted: str) -> int | None:
    if wanted == NO_SPLITS and wanted not in columns.header:
        return None
    place = _place("split_column", wanted, columns.header, body[0])
    if unknown := _cells_by_split(columns, body, place).get(None):
        raise SettingError(
            f"split_column {wanted!r} holds {first_of(map(repr, unknown))}",
            "only train, validation and test",
            f"name another column, or {NO_SPLITS}: no column is about splits",
        )
    return place


def _cells_by_split(
    columns: Columns, body: Sequence[Cells], place: int
) -> dict[str | None, list[str]]:
    """What stands in a column, under the split that it names, or None where it names none."""
    name = columns.header[place] if columns.header else ""
    found: dict[str | None, list[str]] = {}
    for cell in sorted({row[place].strip() for row in body} - {""}):
        found.setdefault(split_of_cell(cell, name), []).append(cell)
    return found


def _is_split_name(name: str) -> bool:
    return _word(name) in _SPLIT_NAMES or is_flag(name)


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


def _named(
    columns: Columns,
    body: Sequence[Cells],
    setting: str,
    wanted: str | None,
    words: Sequence[str],
) -> int | None:
    if wanted is not None:
        return _place(setting, wanted, columns.header, body[0])
    taken = (columns.image, columns.label, columns.split)
    found = [
        (words.index(_word(name)), place)
        for place, name in enumerate(columns.header)
        if _word(name) in words and place not in taken
    ]
    return min(found)[1] if found else None


def _with_label(
    table: Table, columns: Columns, body: Sequence[Cells], options: ReadOptions
) -> Columns:
    named = _named(columns, body, "label_column", options.label_column, _LABEL_NAMES)
    if named is not None:
        return replace(columns, label=named)
    taken = (columns.image, columns.split, columns.group)
    cells = {
        place: column for place, column in enumerate(zip(*body, strict=True)) if place not in taken
    }
    if columns.header and (one_hot := _one_hot(cells)):
        return replace(columns, one_hot=one_hot)
    candidates = _candidates(cells)
    if len(candidates) > 1:
        candidates.sort(key=lambda place: all(map(_is_bit, cells[place])))
        names = [columns.header[p] if columns.header else str(p + 1) for p in candidates]
        if all(map(_is_bit, cells[candidates[0]])):
            raise DatasetError(
                f"the columns of {table.path} that may be labels hold only 0 and 1, and not "
                f"one 1 in most rows: {first_of(names, 8)}",
                "one class for each picture",
                "write a column of class names, one for each picture",
            )
        raise DatasetError(
            f"several columns of {table.path} may be the label: {first_of(names, 8)}",
            "one column of class names",
            "say which: --label-column NAME, or its number",
        )
    return replace(columns, label=candidates[0] if candidates else None)


def _one_hot(cells: dict[int, tuple[str, ...]]) -> tuple[int, ...]:
    binary = [place for place, column in cells.items() if all(map(_is_bit, column))]
    if len(binary) < 2:
        return ()
    ones = [sum(map(_is_one, row)) for row in zip(*(cells[p] for p in binary), strict=True)]
    # Properties (male, young, smiling) are columns of 0 and 1 too, with any number of ones.
    return tuple(binary) if ones.count(1) > _MOSTLY * len(ones) else ()


def _is_bit(cell: str) -> bool:
    return cell.strip() in ("0", "1", "0.0", "1.0")


def _is_one(cell: str) -> bool:
    return cell.strip() in ("1", "1.0")


def _candidates(cells: dict[int, tuple[str, ...]]) -> list[int]:
    """Columns that may hold classes: values that come again, and are no files."""
    rows = len(next(iter(cells.values()), ()))
    # A single column beside the files has more benefit of the doubt than one of many.
    most = max(2, rows - 1 if len(cells) == 1 else rows // 2)
    distinct = {
        place: len({cell for cell in column if cell.strip()})
        for place, column in cells.items()
        if not _mostly_files(column)
    }
    several = [place for place, count in distinct.items() if 1 < count <= most]
    return several or [place for place, count in distinct.items() if count == 1]


def _place(setting: str, wanted: str, header: Cells, row: Cells) -> int:
    """Where a column is that is named, or numbered from 1."""
    if wanted in header:
        return header.index(wanted)
    same = [place for place, name in enumerate(header) if _word(name) == _word(wanted)]
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


def _stripped(cells: Cells) -> Cells:
    return tuple(cell.strip() for cell in cells)


def _word(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return re.sub(r"[\W_]+", "_", spaced.casefold()).strip("_")
