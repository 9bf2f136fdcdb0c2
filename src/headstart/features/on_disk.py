"""Numbers too many for memory, as features: in a nameless file that is gone with the process.

The rows of a shard lie as they came in; the file has them in the order of the manifest, so that
any of them are one copy away. What was copied stays in the system's cache as long as there is
room, and counts for nobody's memory (unless the folder itself lies in memory).
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_BLOCK = 4096  # rows copied before their pages are given back
_LEFT_FREE = 1_000_000_000  # bytes, for the classifier and whatever else is to be written


class OnDisk:
    """float32 [N, D] in a file: rows come to memory when they are asked for, as a copy.

    Args:
        shape: N and D.
        folder: On the disk that is to hold it.

    Raises:
        OSError: There is no room, or no such file on this system: nothing is left behind.
    """

    def __init__(self, shape: tuple[int, int], folder: Path) -> None:
        self.shape, self._folder = shape, folder
        self._map = _mapped(shape, folder)
        self._values = np.frombuffer(self._map, np.float32).reshape(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, some: slice | npt.NDArray[Any]) -> Array:
        if isinstance(some, slice):
            rows = np.arange(*some.indices(len(self)))
        else:
            rows = np.flatnonzero(some) if some.dtype == np.bool_ else some
        found = np.empty((len(rows), self.shape[1]), np.float32)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            with self._given_back():
                found[block] = self._values[rows[block]]
        return found

    def __setitem__(self, some: Any, rows: Array) -> None:
        with self._given_back():
            self._values[some] = rows

    def room_beside(self, shape: tuple[int, int]) -> OnDisk | Array:
        """Another in the same folder, or in memory where the disk has no room."""
        return room_on_disk(shape, self._folder)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype)

    @contextlib.contextmanager
    def _given_back(self) -> Iterator[None]:
        """Pages that were touched do not stay this process's."""
        try:
            yield
        finally:
            self._map.madvise(mmap.MADV_DONTNEED)


def room_on_disk(shape: tuple[int, int], folder: Path) -> OnDisk | Array:
    """float32 to be filled: on the disk, or in memory where that has no room."""
    with contextlib.suppress(OSError):
        return OnDisk(shape, folder)
    return np.empty(shape, np.float32)


def array_on_disk(shape: tuple[int, ...], folder: Path) -> Array:
    """float32 0s: on the disk, or in memory where that has no room.

    An array as any other. What of it was touched counts for this process's memory, but the system
    can write it out and take it back.
    """
    with contextlib.suppress(OSError):
        return np.frombuffer(_mapped(shape, folder), np.float32).reshape(shape)
    return np.zeros(shape, np.float32)


def _mapped(shape: tuple[int, ...], folder: Path) -> mmap.mmap:
    num_bytes = 4 * math.prod(shape)
    with tempfile.TemporaryFile(dir=folder) as file:
        # Room for all of it: a disk that is full later would end the process.
        if shutil.disk_usage(folder).free < num_bytes + _LEFT_FREE:
            raise OSError(f"{folder} has no room for {num_bytes} bytes and what comes after")
        _reserve(file.fileno(), num_bytes)
        return mmap.mmap(file.fileno(), num_bytes)


def _reserve(file: int, num_bytes: int) -> None:
    if not hasattr(os, "posix_fallocate") or not hasattr(mmap, "MADV_DONTNEED"):
        raise OSError("this system cannot reserve room for a file")
    os.posix_fallocate(file, 0, num_bytes)
