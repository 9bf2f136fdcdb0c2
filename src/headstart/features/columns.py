"""Columns of a shard, to and from Arrow, by their buffers.

Not through ``pyarrow.array`` and ``to_numpy``: both import pandas wherever it is installed, which
costs half a second and 80 MB to do what is one pointer here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headstart.backbones.reading import FileFacts
from headstart.datasets.facts import Facts
from headstart.images.perceptual_hash import THUMBNAIL_SIDE

Rows = npt.NDArray[np.int64]

_THUMBNAIL = THUMBNAIL_SIDE**2
FACTS = ("width", "height", "format", "mode", "flags", "hash", "thumbnail", "quality")


def numbers(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """A column of numbers; ``values`` [N] must have that type already."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def vectors(values: npt.NDArray[np.float32]) -> pa.Array:
    """A column of vectors, float32 [N, D]."""
    flat = numbers(np.ascontiguousarray(values).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def digests(values: Sequence[bytes]) -> pa.Array:
    """A column of digests, 32 bytes each."""
    joined = pa.py_buffer(b"".join(values))
    return pa.Array.from_buffers(pa.binary(32), len(values), [None, joined])


def of_facts(facts: Sequence[FileFacts]) -> dict[str, pa.Array]:
    """One column each, as in `FACTS`."""
    flags = [sorted(fact.flags) for fact in facts]
    return {
        "width": numbers(np.array([fact.width for fact in facts], np.int64), pa.int64()),
        "height": numbers(np.array([fact.height for fact in facts], np.int64), pa.int64()),
        "format": _pieces([fact.format.encode() for fact in facts], pa.string()),
        "mode": _pieces([fact.mode.encode() for fact in facts], pa.string()),
        "flags": pa.ListArray.from_arrays(
            _offsets([len(some) for some in flags]),
            _pieces([flag.encode() for some in flags for flag in some], pa.string()),
        ),
        "hash": numbers(np.array([fact.hash for fact in facts], np.uint64), pa.uint64()),
        "thumbnail": _pieces([fact.thumbnail for fact in facts], pa.binary()),
        "quality": numbers(np.array([fact.quality for fact in facts], np.int64), pa.int64()),
    }


def to_vectors(column: pa.ChunkedArray, dim: int) -> npt.NDArray[np.float32]:
    """float32 [N, D] of a column of vectors."""
    parts = [_values(chunk.flatten(), np.float32) for chunk in column.chunks]
    return np.concatenate([np.empty(0, np.float32), *parts]).reshape(-1, dim)


class FactColumns:
    """The columns of `Facts`, filled shard by shard.

    Words and sets of flags are few: each is kept once, so a picture costs its digest, its
    thumbnail and a few numbers.

    Args:
        n: Rows.
    """

    def __init__(self, n: int) -> None:
        self._widths, self._heights = np.empty(n, np.int64), np.empty(n, np.int64)
        self._hashes, self._qualities = np.empty(n, np.uint64), np.empty(n, np.int64)
        self._thumbnails = np.empty((n, _THUMBNAIL), np.uint8)
        self._formats, self._modes = [""] * n, [""] * n
        self._flags: list[frozenset[str]] = [frozenset()] * n
        self._known: dict[frozenset[str], frozenset[str]] = {}

    def fill(self, places: Rows, table: pa.Table, rows: Rows) -> None:
        """Put ``rows`` of a shard at ``places``."""
        column = {name: table.column(name).combine_chunks() for name in FACTS}
        self._widths[places] = _values(column["width"], np.int64)[rows]
        self._heights[places] = _values(column["height"], np.int64)[rows]
        self._hashes[places] = _values(column["hash"], np.uint64)[rows]
        self._qualities[places] = _values(column["quality"], np.int64)[rows]
        thumbnails = _values(column["thumbnail"], np.uint8, _THUMBNAIL)
        self._thumbnails[places] = thumbnails.reshape(-1, _THUMBNAIL)[rows]
        formats, modes = column["format"].to_pylist(), column["mode"].to_pylist()
        flags = column["flags"].to_pylist()
        for place, row in zip(places.tolist(), rows.tolist(), strict=True):
            self._formats[place] = sys.intern(formats[row])
            self._modes[place] = sys.intern(modes[row])
            found = frozenset(flags[row])
            self._flags[place] = self._known.setdefault(found, found)

    def facts(self, digests: Sequence[bytes]) -> Facts:
        """All of them, with the digests they were found by."""
        return Facts(
            digests=tuple(digests),
            widths=self._widths,
            heights=self._heights,
            formats=tuple(self._formats),
            modes=tuple(self._modes),
            flags=tuple(self._flags),
            hashes=self._hashes,
            thumbnails=self._thumbnails,
            qualities=self._qualities,
        )


def _pieces(values: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    """A column of texts or bytes of any length."""
    offsets = _offsets([len(value) for value in values]).buffers()[1]
    data = pa.py_buffer(b"".join(values))
    return pa.Array.from_buffers(kind, len(values), [None, offsets, data])


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return numbers(np.cumsum([0, *lengths], dtype=np.int32), pa.int32())


def _values(column: pa.Array, kind: type[Any], each: int = 1) -> npt.NDArray[Any]:
    """What an array's last buffer holds: its numbers, or ``each`` bytes a row."""
    start = column.offset * each
    return np.frombuffer(column.buffers()[-1], kind)[start : start + len(column) * each]
