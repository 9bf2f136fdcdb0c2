"""Tables of labels beside class folders: the folders tell the labels, unless the tables object."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from headstart.datasets.folders import Labelled
from headstart.datasets.label_column import is_label_name
from headstart.datasets.listed import labelled_by_tables
from headstart.datasets.manifest import counted, first_of
from headstart.datasets.options import ReadOptions
from headstart.datasets.tables import read_table
from headstart.errors import DatasetError, HeadstartError
from headstart.labels import spelling

# Labels that name the same classes in other words, but for a few that were corrected in one place.
_SAME_CLASSES = 0.9


def held_against_tables(
    labelled: Labelled,
    tables: Sequence[tuple[str, str]],
    source: Path,
    ids: Sequence[str],
    options: ReadOptions,
) -> Labelled:
    """What the class folders tell, with a note on the tables that were not read.

    Folders may be anything (patients, cameras), and the table beside them what was meant.

    Args:
        labelled: By class folders.
        tables: Names and splits of the tables that may list the pictures.
        source: The folder of both.
        ids: The files in it.
        options: As the tables would be read.

    Raises:
        DatasetError: A table's labels are others than the folders' names.
    """
    if not tables:
        return labelled
    names = first_of(name for name, _ in tables)
    note = f"{names} not read: the class folders give the labels"
    pairs = _pairs(labelled, _labels_of(tables, source, ids, options))
    same = _same_classes(pairs.values())
    others = [name for name, pair in pairs.items() if pair not in same]
    if pairs and len(others) > (1 - _SAME_CLASSES) * len(pairs):
        raise _contradicted(source, tables, others[0], pairs[others[0]], len(others), len(pairs))
    if others:
        folder, told = pairs[others[0]]
        note += (
            f"; it has another label for {counted(len(others), 'picture', 'pictures')}, first: "
            f"{others[0]} ({told!r}, not {folder!r})"
        )
    return replace(labelled, notes=(*labelled.notes, note))


def _labels_of(
    tables: Sequence[tuple[str, str]], source: Path, ids: Sequence[str], options: ReadOptions
) -> dict[str, str]:
    """File and label, where the tables can be understood and name a column of labels."""
    places = [(source / name, split) for name, split in tables]
    try:
        if not any(is_label_name(name) for path, _ in places for name in _header(path)):
            return {}
        rows = labelled_by_tables(places, source, ids, options).rows
    except HeadstartError:
        return {}
    return {row.id: row.label for row in rows}


def _header(path: Path) -> tuple[str, ...]:
    table = read_table(path)
    return table.header or table.rows[0]


def _pairs(labelled: Labelled, told: dict[str, str]) -> dict[str, tuple[str, str]]:
    """By file: the folder's label and the table's."""
    return {row.id: (row.label, told[row.id]) for row in labelled.rows if row.id in told}


def _same_classes(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs of labels that are one class: each is mostly the other. ``cat`` may be ``0``."""
    counts = Counter(pairs)
    best: list[dict[str, tuple[str, str]]] = [{}, {}]
    for pair, _ in reversed(counts.most_common()):
        for side in (0, 1):
            best[side][pair[side]] = pair
    alike = {pair for pair in counts if spelling(pair[0]) == spelling(pair[1])}
    return alike | ({*best[0].values()} & {*best[1].values()})


def _contradicted(
    source: Path,
    tables: Sequence[tuple[str, str]],
    name: str,
    pair: tuple[str, str],
    number: int,
    total: int,
) -> DatasetError:
    names = first_of(table for table, _ in tables)
    first, *_ = (shlex.quote(str(source / table)) for table, _ in tables)
    test = [f" --test {shlex.quote(str(source / table))}" for table, split in tables[1:] if split]
    return DatasetError(
        f"the class folders and {names} tell different labels of {number} of {total} pictures; "
        f"first: {name} is {pair[0]!r} by its folder and {pair[1]!r} in the table",
        "one of them",
        f"give the table itself ({first}{test[-1] if test else ''}), or move it elsewhere if the "
        "folders are the classes",
    )
