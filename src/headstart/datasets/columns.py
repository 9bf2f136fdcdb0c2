"""Which column of a table is what, found by content first and by name second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from headstart.datasets.column_names import first_named, place_of, usual
from headstart.datasets.image_column import find_image_column, is_image_name, may_be_file
from headstart.datasets.label_column import find_label_columns, is_label_name, is_one
from headstart.datasets.options import ReadOptions
from headstart.datasets.split_column import find_split_column, is_split_name
from headstart.datasets.split_words import split_of_cell
from headstart.datasets.tables import Cells, Table
from headstart.errors import DatasetError

_GROUP_NAMES = usual(
    """
    group group_id groups patient patient_id patientid subject subject_id subjectid case_id
    lesion_id session session_id video video_id
    """
)


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
        return tuple(self.header[place] for place in self.one_hot if is_one(row[place]))

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
            if is_split_name(name) and place not in {*used.values(), *self.one_hot}
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
    image = find_image_column(table, options.image_column, names_a_file)
    first = table.rows[0]
    is_header = not table.header and (
        _names_columns(first, image) or not may_be_file(first[image], names_a_file)
    )
    columns = Columns(_stripped(table.header or (first if is_header else ())), image)
    header, body = columns.header, columns.body(table)
    if not body:
        raise DatasetError(f"{table.path} has a header, but no rows", "one picture a row")
    split = find_split_column(header, body, options)
    if options.group_column is None:
        wanted = options.label_column
        label = place_of("label_column", wanted, header, body[0]) if wanted else None
        group = first_named(header, _GROUP_NAMES, (image, split, label))
    else:
        group = place_of("group_column", options.group_column, header, body[0])
    taken = (image, split, group)
    labels = find_label_columns(table.path, header, body, taken, options.label_column)
    if len(labels) > 1:
        return replace(columns, split=split, group=group, one_hot=labels)
    return replace(columns, split=split, group=group, label=labels[0] if labels else None)


def _names_columns(first: Cells, image: int) -> bool:
    """Whether a first row is a header in any case: ``image,label``, with an image.png there too."""
    return is_image_name(first[image]) and any(map(is_label_name, first))


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


def _stripped(cells: Cells) -> Cells:
    return tuple(cell.strip() for cell in cells)
