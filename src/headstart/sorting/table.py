"""Tables of what went where, for people and programs, written from the journal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.files import sha256_file
from headstart.model.prediction import AMBIGUOUS, UNFAMILIAR
from headstart.sorting.journal import Journal, Row
from headstart.sorting.putting import sync

CSV, PARQUET = TABLES = ("headstart-sort.csv", "headstart-sort.parquet")
_AT_ONCE = 4096


def write_tables(journal: Journal) -> None:
    """CSV and Parquet, whole or not at all; their digests go to the journal's terms."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    schema = pa.schema(
        [
            *(("path", pa.string()), ("label", pa.string()), ("probability", pa.float64())),
            *(("unsure", pa.bool_()), ("reason", pa.string()), ("destination", pa.string())),
        ]
    )
    places = [journal.folder / name for name in TABLES]
    temporary = [_temporary(place) for place in places]
    try:
        with (
            pyarrow.csv.CSVWriter(temporary[0], schema) as csv,
            pyarrow.parquet.ParquetWriter(temporary[1], schema) as parquet,
        ):
            rows = itertools.chain(journal.rows("done"), journal.rows("left"))
            while batch := list(itertools.islice(map(_values, rows), _AT_ONCE)):
                table = pa.Table.from_pylist(batch, schema)
                csv.write_table(table)
                parquet.write_table(table)
        journal.set_terms(tables={x.name: sha256_file(_temporary(x)) for x in places})
        journal.commit()
        for place in places:
            sync(_temporary(place))
            _temporary(place).replace(place)
    finally:
        for left in temporary:
            left.unlink(missing_ok=True)


def remove_tables(journal: Journal) -> Iterator[str]:
    """Remove them; the names of those that were changed since and stay."""
    for name, digest in journal.terms().get("tables", {}).items():
        place = journal.folder / name
        _temporary(place).unlink(missing_ok=True)
        if place.is_file() and sha256_file(place) != digest:
            yield name
        else:
            place.unlink(missing_ok=True)


def _temporary(place: Path) -> Path:
    return place.with_name(f".headstart-tmp-{place.name}")


def _values(row: Row) -> dict[str, Any]:
    unsure = row.label is None or row.reason in (AMBIGUOUS, UNFAMILIAR)
    values = {**vars(row), "unsure": unsure}
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> Any:
    """Names of files and classes need not be text; what is none is spelled out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
