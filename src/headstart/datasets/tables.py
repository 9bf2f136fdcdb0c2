"""Tables read into cells of text: CSV of any dialect, JSON lines, Parquet."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.datasets.walking import suffix_of
from headstart.errors import DatasetError
from headstart.images.sniffing import NOT_READ, READ, SNIFFED, sniff

Cells = tuple[str, ...]

_DELIMITERS = (",", "\t", ";", "|")
_LINES_TO_JUDGE_BY = 500
# Bytes that are not UTF-8, as Python keeps them in text.
_STRAY = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True)
class Table:
    """Cells as text, all rows of the same length.

    Args:
        path: The file.
        header: The columns' names, or empty where the first row may or may not be one.
        rows: The cells.
        embedded: The names of columns that hold whole pictures, which are not read.
        notes: What was decided.
    """

    path: Path
    header: Cells
    rows: tuple[Cells, ...]
    embedded: Cells = ()
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Read a table by its extension; whatever is neither JSON lines nor Parquet is CSV.

    Raises:
        DatasetError: It cannot be read, has no rows, or rows have different numbers of cells.
    """
    suffix = suffix_of(path.name)
    try:
        if suffix in (".parquet", ".pq"):
            records, embedded = _parquet_records(path)
            table = replace(_from_records(path, records), embedded=embedded)
        else:
            table = _from_text(path, path.read_bytes())
    except (OSError, csv.Error, UnicodeError) as error:
        raise _cannot_read(path, str(error)) from error
    if not table.rows:
        if table.embedded:
            raise pictures_inside(table)
        raise _cannot_read(path, "it has no rows")
    return table


def is_stray(text: str) -> bool:
    """Whether some bytes of it are not text."""
    return _STRAY.search(text) is not None


def legible(text: str) -> str:
    """Text in which bytes that are not UTF-8 are read as Windows-1252, those that it knows."""
    return _STRAY.sub(lambda stray: os.fsencode(stray[0]).decode("cp1252", "surrogateescape"), text)


def _from_text(path: Path, data: bytes) -> Table:
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16") if is_utf16 else data.decode("utf-8-sig", "surrogateescape")
    notes = []
    if is_stray(text):
        text = legible(text)
        notes.append("not UTF-8: read as Windows-1252")
    if suffix_of(path.name) in (".jsonl", ".ndjson"):
        table = _from_records(path, _json_records(path, text))
    else:
        table = Table(path, (), _csv_rows(path, text))
    return replace(table, notes=tuple(notes))


def _csv_rows(path: Path, text: str) -> tuple[Cells, ...]:
    rows = _parsed(text, _delimiter(path, text))
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    for number, row in enumerate(rows, start=1):
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) > width:
            raise DatasetError(
                f"row {number} of {path} has {len(row)} cells, most rows have {width}: {row}",
                "the same number of cells in every row",
                "put cells that hold the delimiter in double quotes",
            )
    return tuple((*row, *[""] * (width - len(row))) for row in rows)


def _delimiter(path: Path, text: str) -> str:
    """The delimiter that gives most rows one width of two or more; ``""`` for white space."""
    first_lines = "".join(itertools.islice(io.StringIO(text, newline=""), _LINES_TO_JUDGE_BY))
    usual = "\t" if suffix_of(path.name) in (".tsv", ".tab") else ","
    regular = {
        delimiter: _regularity(_parsed(first_lines, delimiter))
        for delimiter in sorted(_DELIMITERS, key=lambda delimiter: delimiter != usual)
    }
    best = max(regular, key=lambda delimiter: regular[delimiter])
    # Paths hold spaces, so white space is believed only where no delimiter makes sense.
    return best if regular[best] > 0.5 or not _regularity(_parsed(first_lines, "")) else ""


def _regularity(rows: Sequence[Sequence[str]]) -> float:
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    return count / len(rows) if width > 1 else 0.0


def _parsed(text: str, delimiter: str) -> list[list[str]]:
    if not delimiter:
        return [cells for line in text.splitlines() if (cells := line.split())]
    rows = _csv_cells(text, delimiter, skip_spaces=False)
    # "a.jpg, cat": a space after every delimiter (of a header, perhaps none) belongs to it.
    cells = [cell for row in rows[1:] or rows for cell in row[1:]]
    if cells and all(cell.startswith(" ") for cell in cells):
        return _csv_cells(text, delimiter, skip_spaces=True)
    return rows


def _csv_cells(text: str, delimiter: str, skip_spaces: bool) -> list[list[str]]:
    lines = io.StringIO(text, newline="")
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=skip_spaces)
    return [row for row in rows if any(cell.strip() for cell in row)]


def _json_records(path: Path, text: str) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise _cannot_read(path, f"line {number} is no JSON: {error}") from error
        if not isinstance(record, dict):
            raise _cannot_read(path, f"line {number} is no JSON object")
        records.append(record)
    return records


def _parquet_records(path: Path) -> tuple[list[dict[str, Any]], Cells]:
    """The records, and the names of the columns of whole pictures, which they leave out."""
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(path)
        # Nested columns hold whole pictures or several labels: neither a file's name nor a class.
        nested = {field.name for field in schema if pyarrow.types.is_nested(field.type)}
        embedded = _embedded(pyarrow.parquet.ParquetFile(path))
        flat = [name for name in schema.names if name not in {*nested, *embedded}]
        table = pyarrow.parquet.read_table(path, columns=flat)
        records: list[dict[str, Any]] = table.to_pylist()
    except pyarrow.ArrowException as error:
        raise _cannot_read(path, str(error)) from error
    return records, embedded


def _embedded(file: Any) -> Cells:
    """The columns whose first value is a picture's bytes, or holds them (``{"bytes": …}``)."""
    first: dict[str, Any] = next(
        (batch.to_pylist()[0] for batch in file.iter_batches(1) if len(batch)), {}
    )
    return tuple(name for name, value in first.items() if _is_a_picture(value))


def _is_a_picture(value: Any) -> bool:
    data = value.get("bytes") if isinstance(value, dict) else value
    return isinstance(data, bytes) and sniff(data[:SNIFFED]) in READ | NOT_READ


def _from_records(path: Path, records: Sequence[dict[str, Any]]) -> Table:
    nested = {
        name
        for record in records
        for name, value in record.items()
        if isinstance(value, dict | list)
    }
    names = dict.fromkeys(itertools.chain.from_iterable(records))
    header = tuple(name for name in names if name not in nested)
    rows = tuple(tuple(_cell(record.get(name)) for name in header) for record in records)
    return Table(path, header, rows if header else ())


def _cell(value: Any) -> str:
    """A value as it would stand in a CSV; a column of whole numbers with gaps comes as floats."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return os.fsdecode(value)
    return str(value)


def pictures_inside(table: Table) -> DatasetError:
    """What is said of a table that holds the pictures themselves."""
    return DatasetError(
        f"the pictures are inside {table.path} (in {', '.join(table.embedded)}), which is not read "
        "in this version",
        "a table of file names, or a folder for each class",
        "write the pictures to files",
    )


def _cannot_read(path: Path, why: str) -> DatasetError:
    return DatasetError(
        f"{path} cannot be read as a table: {why}",
        "a CSV, TSV, JSON lines or Parquet file with one picture a row",
        "correct the file, or write it again",
    )
