"""What the user named, as a stream of single pictures: folders, patterns, lists, tables, URLs."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from headstart.bulk import places
from headstart.datasets.walking import IMAGE_SUFFIXES, LINKED, kind_of, suffix_of
from headstart.errors import DatasetError, SettingError, UnusableImage
from headstart.images.sniffing import NOT_READ, READ, SNIFFED, sniff
from headstart.workflows.predict import expand, must_fit

# A folder, file, pattern or URL; or an open list of names.
Place = str | os.PathLike[str] | BinaryIO

# A picture's bytes, or where they are, or why there are none.
Content = Path | str | bytes | UnusableImage

_LISTS = (".txt", ".lst")
_TABLES = (".parquet", ".pq")
_BLOCK = 2**20
_ROWS_TO_JUDGE_BY = 16
_CELLS_AT_ONCE = 16


class Reference(NamedTuple):
    """One picture that was named.

    Args:
        path: A file or URL: of the picture, or of the table whose cell holds it.
        row: From 0, in the table; None: the file is the picture.
        column: Of the table.
    """

    path: str
    row: int | None = None
    column: str | None = None

    @property
    def name(self) -> str:
        """What its row of the results is called."""
        return self.path if self.row is None else f"{self.path}#{self.row}"


def references(sources: Iterable[Place], image_column: str | None = None) -> Iterator[Reference]:
    """Every picture that is meant, one by one, in an order that stays the same.

    Args:
        sources: Folders (searched through), files, patterns; ``.txt`` and ``.lst`` files and open
            streams, which list paths and URLs; ``.parquet`` files with a column of paths, or of
            pictures; URLs of any of these.
        image_column: Of the tables; None: found by its content.

    Raises:
        SettingError: A pattern fits nothing; no column, or several, may be the pictures.
        DatasetError: A list, a table or a store cannot be read.
        MissingExtra: The library for a kind of URL is not installed.
    """
    sources = list(sources)
    paths = [os.fspath(source) for source in sources if isinstance(source, str | os.PathLike)]
    must_fit(path for path in paths if not places.is_url(path))
    for source in sources:
        if not isinstance(source, str | os.PathLike):
            yield from _listed(source)
            continue
        place = os.fspath(source)
        if places.is_url(place):
            places.must_be_readable(place)
            yield from _file(place, image_column)
        elif os.path.isdir(place):  # noqa: PTH112 (pathlib raises where a name is too long)
            yield from map(Reference, _in_folder(place))
        else:
            for path in expand([place]):
                yield from _file(path, image_column)


def contents(named: Iterable[Reference], folder: Path) -> Iterator[Content]:
    """Where each picture's bytes are; the bytes themselves of those that are in tables.

    Args:
        named: Pictures; those of one table next to each other, in its order.
        folder: Where relative paths begin.
    """
    for (path, column), group in itertools.groupby(named, lambda one: (one.path, one.column)):
        place: str | Path = path if places.is_url(path) else folder / path
        if column is None:
            yield from (place for _ in group)
        else:
            yield from _cells(str(place), column, (one.row or 0 for one in group))


def _file(place: str, image_column: str | None) -> Iterator[Reference]:
    suffix = suffix_of(place)
    if suffix in _TABLES:
        yield from _in_table(place, image_column)
    elif suffix in _LISTS:
        with places.opened(place) as stream:
            yield from _listed(stream)
    elif places.is_url(place):
        yield from map(Reference, places.below(place))
    else:
        yield Reference(place)


def _in_folder(folder: str) -> Iterator[str]:
    """In the order of `datasets.walking.walk`, but one folder in memory at a time.

    A folder that cannot be opened stands for what is in there, and so does a linked one.
    """
    found: dict[str, list[str]] = {"picture": [], "folder": [], LINKED: []}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.get(kind_of(entry), []).append(entry.name)
    except OSError:
        yield folder
    for name in sorted(found["picture"] + found[LINKED]):
        yield os.path.join(folder, name)
    for name in sorted(found["folder"]):
        yield from _in_folder(os.path.join(folder, name))


def _listed(stream: BinaryIO) -> Iterator[Reference]:
    """Names one a line, or each ended by a zero byte (``find -print0``).

    A name that is read from a list is a name, whatever signs it holds.

    Raises:
        DatasetError: It is a picture itself.
    """
    block = stream.read(_BLOCK)
    if sniff(block[:SNIFFED]) in READ and not _is_text(block[:SNIFFED]):
        raise DatasetError(
            f"{getattr(stream, 'name', 'the list')} holds a picture, not names of pictures",
            "one path or URL a line",
            "name the picture's file itself",
        )
    end, rest = (b"\0" if b"\0" in block else b"\n"), b""
    while block:
        *whole, rest = (rest + block).split(end)
        yield from _names(whole)
        block = stream.read(_BLOCK)
    yield from _names([rest])


def _is_text(start: bytes) -> bool:
    """Whether names may begin so; the last letter may be cut in two."""
    return bool(start[:-3].decode(errors="ignore").encode() == start[:-3])


def _names(listed: list[bytes]) -> Iterator[Reference]:
    for name in listed:
        if name.strip():
            yield _named(os.fsdecode(name.removesuffix(b"\r")))


def _named(name: str) -> Reference:
    if places.is_url(name):
        places.must_be_readable(name)
    return Reference(name)


def _in_table(place: str, image_column: str | None) -> Iterator[Reference]:
    import pyarrow as pa

    try:
        with _table(place) as table:
            column, of_paths = _image_column(place, table, image_column)
            if not of_paths:
                yield from (Reference(place, row, column) for row in range(table.metadata.num_rows))
                return
            rows = itertools.count()
            for batch in table.iter_batches(columns=[column]):
                for cell in batch.column(0).to_pylist():
                    row = next(rows)
                    # An empty cell is a row of the results too.
                    yield _named(cell) if cell else Reference(place, row, column)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"{place} cannot be read as a table: {error}",
            "a Parquet file with one picture a row",
            "write the file again",
        ) from error


@contextlib.contextmanager
def _table(place: str) -> Iterator[Any]:
    import pyarrow.parquet as pq

    if not places.can_seek(place):
        raise SettingError(
            f"{place}: a Parquet file on a web server cannot be read in parts",
            "a file here, or in a store such as s3:// or gs://",
            "download it first",
        )
    # Buffered: a row group of pictures need not fit into memory.
    with places.opened(place) as stream, pq.ParquetFile(stream, buffer_size=_BLOCK) as table:
        yield table


def _image_column(place: str, table: Any, wanted: str | None) -> tuple[str, bool]:
    """The column of the pictures, and whether it holds paths."""
    names: list[str] = table.schema_arrow.names
    batch = next(table.iter_batches(_ROWS_TO_JUDGE_BY), None)
    values = {name: batch.column(name).to_pylist() if batch else [] for name in names}
    if wanted in names:
        return wanted, any(isinstance(cell, str) for cell in values[wanted])
    pictures = [name for name in names if any(map(_is_a_picture, values[name]))]
    paths = [name for name in names if 2 * sum(map(_is_a_path, values[name])) > len(values[name])]
    found = pictures or paths
    if wanted is not None or len(found) != 1:
        what = (
            f"no column {wanted!r}" if wanted else "no column" if not found else "several columns"
        )
        raise SettingError(
            f"{what} of pictures in {place}: {', '.join(found or names)}",
            "one column of paths, or of whole pictures",
            f"--image-column {(found or names or ['NAME'])[0]}",
        )
    return found[0], not pictures


def _bytes_of(cell: Any) -> Any:
    """The cell itself, or the part of it that Hugging Face's tables keep the picture in."""
    return cell.get("bytes") if isinstance(cell, dict) else cell


def _is_a_picture(cell: Any) -> bool:
    data = _bytes_of(cell)
    return isinstance(data, bytes) and bool(data) and sniff(data[:SNIFFED]) in READ | NOT_READ


def _is_a_path(cell: Any) -> bool:
    return isinstance(cell, str) and (
        places.is_url(cell) or suffix_of(re.split(r"[\\/]", cell)[-1]) in IMAGE_SUFFIXES
    )


def _cells(place: str, column: str, rows: Iterator[int]) -> Iterator[Content]:
    """The pictures in these rows of a table, which rise; what cannot be read is a reason."""
    import pyarrow as pa

    asked = given = 0
    why = UnusableImage("unreadable", "the table has fewer rows than when it was listed")

    def each() -> Iterator[int]:
        nonlocal asked
        for row in rows:
            asked += 1
            yield row

    try:
        with _table(place) as table:
            for cell in _read_cells(table, column, each()):
                yield cell if cell else UnusableImage("empty", "the cell holds nothing")
                given += 1
    except (pa.ArrowException, OSError, DatasetError) as error:
        why = UnusableImage("unreadable", str(error).splitlines()[0])
    yield from itertools.repeat(why, asked - given)
    yield from (why for _ in rows)


def _read_cells(table: Any, column: str, rows: Iterator[int]) -> Iterator[Any]:
    """The cells in these rows; neither they nor the table are ever in memory as a whole."""
    sought, end = next(rows, None), 0
    for group in range(table.num_row_groups):
        row, end = end, end + table.metadata.row_group(group).num_rows
        if sought is None or sought >= end:
            continue
        for batch in table.iter_batches(_CELLS_AT_ONCE, row_groups=[group], columns=[column]):
            while sought is not None and sought < row + len(batch):
                yield _bytes_of(batch.column(0)[sought - row].as_py())
                sought = next(rows, None)
            row += len(batch)
            if sought is None or sought >= end:
                break
