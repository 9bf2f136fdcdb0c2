"""Labels from tables: rows matched with the files that are there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from headstart.datasets.columns import Columns, columns_like, find_columns
from headstart.datasets.folders import Labelled, Row
from headstart.datasets.groups import one_name_each
from headstart.datasets.locating import Locator, moved
from headstart.datasets.manifest import SPLITS, counted, first_of
from headstart.datasets.options import ReadOptions
from headstart.datasets.split_words import split_sets
from headstart.datasets.tables import Table, is_stray, legible, read_table
from headstart.datasets.walking import Folder
from headstart.errors import DatasetError
from headstart.unusable import Unusable

_LABEL_TABLES = (
    "labels",
    "label",
    "annotations",
    "metadata",
    "manifest",
    "dataset",
    "data",
    "_classes",
)

# Of the folders that a table calls otherwise.
_MOST_NOTED = 3
# Where a file stands in several splits it judges, and is not learnt from.
_STRICTEST_FIRST = ("test", "validation", "train", "")


class _Entry(NamedTuple):
    """One row of a table (for each of its labels): which file it names, and what it says of it."""

    cell: str
    files: tuple[str, ...]
    label: str
    split: str
    group: str
    where: str


def tables_to_read(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The tables at a folder's top that list its pictures, each with its split, training first.

    Args:
        names: Every table there.

    Returns:
        Those named by a split (``my_training.csv``, ``my_test.csv``), else the one that is named
        like a table of labels, else none.
    """
    for by_split in split_sets((Path(name).stem, name) for name in names):
        if "train" in by_split:
            return tuple((name, split) for split in SPLITS for name in by_split.get(split, []))
    return tuple((name, "") for name in _label_tables(names))


def tables_inside(parts: Sequence[tuple[str, Folder]]) -> tuple[tuple[str, str], ...]:
    """The table of labels in each split folder (``train/metadata.jsonl``), with its split."""
    return tuple((name, split) for split, part in parts for name in _label_tables(part.tables))


def _label_tables(names: Sequence[str]) -> list[str]:
    """The one table that is named like a table of labels, or none."""
    found = [name for name in names if Path(name).stem.casefold() in _LABEL_TABLES]
    return found if len(found) == 1 else []


def labelled_by_tables(
    tables: Sequence[tuple[Path, str]], base: Path, ids: Sequence[str], options: ReadOptions
) -> Labelled:
    """Labels of the files that the tables' rows name.

    Args:
        tables: Each table and its split (``""`` for none), training first.
        base: The folder where the files are.
        ids: The files in it.
        options: May name columns.

    Raises:
        DatasetError: A table is not understood, or no row names a file that is there.
        SettingError: There is no such column.
    """
    entries, notes = _entries(tables, _locators(tables, base, ids), options)
    entries, moved_notes = _at_home(entries)
    notes += moved_notes
    claims: dict[str, list[_Entry]] = defaultdict(list)
    unusable: list[Unusable] = []
    for entry in entries:
        if len(entry.files) == 1:
            claims[entry.files[0]].append(entry)
        else:
            unusable.append(_lost(entry))
    if not claims:
        raise _no_files(tables[0][0], base, entries)
    rows, more_unusable, more_notes = _settled(claims)
    without = [Unusable(name, "no_row") for name in ids if name not in claims]
    return Labelled(rows, "table", (*notes, *more_notes), (*unusable, *more_unusable, *without))


def _locators(
    tables: Sequence[tuple[Path, str]], base: Path, ids: Sequence[str]
) -> dict[Path, Locator]:
    """What finds the files of the tables of each folder."""
    folders = {path.parent for path, _ in tables}
    if len(folders) == 1 or not all(folder.is_relative_to(base) for folder in folders):
        return {folder: Locator(base, folder, ids) for folder in folders}
    # train/metadata.csv and test/metadata.csv: "1.jpg" is the one in the table's own folder.
    starts = {folder: f"{folder.relative_to(base).as_posix()}/" for folder in folders}
    return {
        folder: Locator(base, folder, (name for name in ids if name.startswith(start)))
        for folder, start in starts.items()
    }


def _entries(
    tables: Sequence[tuple[Path, str]], locators: dict[Path, Locator], options: ReadOptions
) -> tuple[list[_Entry], list[str]]:
    entries: list[_Entry] = []
    notes: list[str] = []
    used: dict[str, list[str]] = defaultdict(list)
    first: Columns | None = None
    for path, split in tables:
        table, locator = read_table(path), locators[path.parent]
        columns = (columns_like(table, first) if first else None) or find_columns(
            table, options, partial(_names_a_file, locator)
        )
        name = path.name if len(locators) == 1 else f"{path.parent.name}/{path.name}"
        notes += (f"{name} is {note}" for note in table.notes)
        if columns.has_labels:
            found = _entries_of(table, columns, split, locator)
            if table.notes:
                found = _in_text(found)
            entries += found
            used[columns.in_words()].append(name)
        elif first:
            rows = len(columns.body(table))
            notes.append(f"{name} is left out: {counted(rows, 'row', 'rows')} without labels")
        else:
            raise _no_labels(table, columns)
        first = first or columns
    return entries, [*(f"{', '.join(names)}: {words}" for words, names in used.items()), *notes]


def _at_home(entries: Sequence[_Entry]) -> tuple[list[_Entry], list[str]]:
    """Rows that were matched with a file of another folder: not where that has rows of its own.

    A table of another place may call folders otherwise. But where rows name ``p1/`` and find it,
    ``p2/1.jpg`` is not ``p1/1.jpg``: the folder ``p2`` is missing.
    """
    ways = [moved(entry.cell, entry.files[0]) if entry.files else ("", "") for entry in entries]
    folders = [entry.files[0].rpartition("/")[0] if entry.files else "" for entry in entries]
    # How many of a folder's last names rows do name.
    named: Counter[str] = Counter()
    for folder, (old, new) in zip(folders, ways, strict=True):
        if not (old and new):
            named[folder] = max(named[folder], _depth(folder) - _depth(new))
    kept: list[_Entry] = []
    elsewhere: Counter[tuple[str, str]] = Counter()
    for entry, folder, (old, new) in zip(entries, folders, ways, strict=True):
        is_moved = bool(old and new)
        is_strange = is_moved and _depth(folder) - _depth(new) < named[folder]
        kept.append(entry._replace(files=()) if is_strange else entry)
        elsewhere[old, new] += is_moved and not is_strange
    return kept, [
        f"{counted(count, 'row', 'rows')} of {old}/ matched with files in {new}/, by their names"
        for (old, new), count in elsewhere.most_common(_MOST_NOTED)
        if count
    ]


def _depth(folder: str) -> int:
    return len(folder.split("/")) if folder else 0


def _names_a_file(locator: Locator, cell: str) -> bool:
    return bool(locator.find(cell))


def _entries_of(table: Table, columns: Columns, split: str, locator: Locator) -> list[_Entry]:
    body = columns.body(table)
    first_number = 1 + len(table.rows) - len(body)
    return [
        _Entry(
            cell=row[columns.image],
            files=locator.find(row[columns.image]),
            label=label,
            split=columns.split_of(row) or split,
            group="" if columns.group is None else row[columns.group].strip(),
            where=f"{table.path.name}, row {number}",
        )
        for number, row in enumerate(body, start=first_number)
        for label in columns.labels_of(row) or ("",)
    ]


def _in_text(entries: Sequence[_Entry]) -> list[_Entry]:
    """Those of a table that is not UTF-8.

    A single name that cannot be read is a file that is not there; many are another encoding.

    Raises:
        DatasetError: It is not Windows-1252 either.
    """
    lost = [entry for entry in entries if not entry.files and is_stray(entry.cell)]
    if 2 * len(lost) >= len(entries):
        raise _no_encoding(lost[0].where, lost[0].cell)
    return [_with_text(entry) for entry in entries]


def _with_text(entry: _Entry) -> _Entry:
    """A label that is the file's own folder stays as the disk has it, though that be no text.

    A split that was written of such folders is read again as it was.
    """
    folders = entry.files[0].split("/")[:-1] if len(entry.files) == 1 else []
    label = next((name for name in folders if legible(name).strip() == entry.label), None)
    if label is None and is_stray(entry.label):
        raise _no_encoding(entry.where, entry.label)
    return entry if label is None else entry._replace(label=label)


def _no_encoding(where: str, text: str) -> DatasetError:
    return DatasetError(
        f"{where}: {text!r} is neither UTF-8 nor Windows-1252",
        "a table in UTF-8, UTF-16 with its mark, or Windows-1252",
        "save it as UTF-8 (in Excel: CSV UTF-8)",
    )


def _lost(entry: _Entry) -> Unusable:
    path = entry.cell or entry.where
    if entry.files:
        return Unusable(path, "ambiguous_file", f"{entry.where}: {first_of(entry.files)}")
    return Unusable(path, "no_file", entry.where)


def _settled(
    claims: dict[str, list[_Entry]],
) -> tuple[tuple[Row, ...], list[Unusable], list[str]]:
    """One row a file, where its rows agree on the label."""
    rows: list[Row] = []
    unusable: list[Unusable] = []
    happened: Counter[str] = Counter()
    groups = {name: {entry.group for entry in entries} - {""} for name, entries in claims.items()}
    called = one_name_each(groups.values())
    for name, entries in claims.items():
        labels = sorted({entry.label for entry in entries if entry.label})
        if len(labels) != 1:
            reason = "conflicting_labels" if labels else "no_label"
            unusable.append(Unusable(name, reason, ", ".join(labels) or entries[0].where))
            continue
        splits = {entry.split for entry in entries}
        split = next(split for split in _STRICTEST_FIRST if split in splits)
        group = min(groups[name], default="")
        rows.append(Row(name, labels[0], split, called.get(group, group)))
        happened["several groups"] += len(groups[name]) > 1
        happened["several splits"] += len(splits) > 1
        happened["repeated"] += len(entries) - 1
    notes = []
    if count := happened["repeated"]:
        notes.append(f"{counted(count, 'row repeats', 'rows repeat')} a file of another row")
    if count := happened["several splits"]:
        one, many = "file of several splits judges only", "files of several splits judge only"
        notes.append(f"{counted(count, one, many)}")
    if count := happened["several groups"]:
        one, many = "file is in several groups", "files are in several groups"
        notes.append(f"{counted(count, one, many)}: these are kept together as one")
    return tuple(rows), unusable, notes


def _no_labels(table: Table, columns: Columns) -> DatasetError:
    names = columns.header or [str(number + 1) for number in range(len(table.rows[0]))]
    return DatasetError(
        f"no column of {table.path} looks like labels: {', '.join(names)}",
        "a column of class names beside the column of files",
        "say which column it is: --label-column NAME",
    )


def _no_files(table: Path, base: Path, entries: Sequence[_Entry]) -> DatasetError:
    return DatasetError(
        f"none of {counted(len(entries), 'row', 'rows')} of {table} names a file that is in "
        f"{base} (first: {entries[0].cell!r})",
        "rows that name files",
        "say where the pictures are: --images FOLDER",
    )
