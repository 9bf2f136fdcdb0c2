"""What the trunk gives for each view of each picture: computed once, kept on disk, memory-mapped.

``trunks/<key>/part-<random>.npy``: structured arrays of (digest, view, float16 values); the key
names everything that decides the numbers. View 0 is the plain preprocessing, what prediction
sees, and those below are it mirrored or turned; all augmentations share them. Written whole or not
at all, never changed afterwards, so folds, later runs and other datasets with the same pictures
read what is there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import StoreError
from headstart.files import canonical_json, sha256, sweep, written_whole
from headstart.images.decode import DECODER_VERSION

Halves = npt.NDArray[np.float16]

FORMAT_VERSION = 2
_DAY = 86_400
# Of one shard: what a killed run loses at most.
_SHARD_BYTES = 32 << 20
# The cache of trunks is scratch: those used longest ago go first.
MOST_BYTES = 20 << 30


def key_of(fingerprint: str, cut: str, augmentation: dict[str, Any] | None, seed: int) -> str:
    """Names everything that decides the values; without augmentation the seed decides nothing."""
    record = {
        "format": FORMAT_VERSION,
        "decoder": DECODER_VERSION,
        "backbone": fingerprint,
        "cut": cut,
        "augmentation": augmentation,
        "seed": seed if augmentation else 0,
    }
    return sha256(canonical_json(record).encode())[:24]


@dataclass
class TrunkCache:
    """One key's shards.

    Args:
        folder: Where they lie.
        shape: Of one view's values.

    Raises:
        StoreError: The folder cannot be written.
    """

    folder: Path
    shape: tuple[int, ...]
    _places: dict[tuple[bytes, int], tuple[npt.NDArray[Any], int]] = field(
        default_factory=dict, init=False
    )

    def __post_init__(self) -> None:
        sweep(self.folder, older_than=time.time() - _DAY)
        for shard in sorted(self.folder.glob("part-*.npy")):
            self._index(shard)
        with contextlib.suppress(OSError):
            os.utime(self.folder)

    def __contains__(self, key: tuple[bytes, int]) -> bool:
        return key in self._places

    def __getitem__(self, key: tuple[bytes, int]) -> Halves:
        """float16 of ``shape``, memory-mapped: a picture's digest and a view."""
        table, row = self._places[key]
        return table["values"][row]  # type: ignore[no-any-return]

    @property
    def row_bytes(self) -> int:
        """Bytes on disk of one view."""
        return self._dtype.itemsize

    @property
    def rows_per_shard(self) -> int:
        """Views written at once."""
        return max(1, _SHARD_BYTES // self.row_bytes)

    def add(self, rows: Sequence[tuple[bytes, int, Halves]]) -> None:
        """Write one shard.

        Raises:
            StoreError: It cannot be written; nothing is left behind.
        """
        if not rows:
            return
        table = np.empty(len(rows), self._dtype)
        for place, (digest, view, values) in enumerate(rows):
            table[place] = (np.frombuffer(digest, np.uint8), view, values)
        shard = self.folder / f"part-{secrets.token_hex(10)}.npy"
        with written_whole(shard) as temporary, temporary.open("wb") as file:
            np.save(file, table)
        self._index(shard)

    @property
    def _dtype(self) -> np.dtype[Any]:
        return np.dtype(
            [("digest", np.uint8, (32,)), ("view", np.int32), ("values", np.float16, self.shape)]
        )

    def _index(self, shard: Path) -> None:
        try:
            table = np.load(shard, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            table = None
        if table is None or table.dtype != self._dtype:
            with contextlib.suppress(OSError):  # damaged: its views are computed anew
                shard.unlink()
            return
        digests, views = np.ascontiguousarray(table["digest"]), table["view"].tolist()
        for row, (digest, view) in enumerate(zip(digests, views, strict=True)):
            self._places.setdefault((digest.tobytes(), view), (table, row))


def must_fit(folder: Path, num_bytes: int) -> None:
    """See now whether there is room.

    Raises:
        StoreError: There is not.
    """
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if num_bytes > free:
        raise StoreError(
            f"the cut network's outputs need {_size(num_bytes)} in {folder}, "
            f"where {_size(free)} are free",
            "enough free space for them",
            "fewer views, a later stage (train_from top1), or another place "
            "(HEADSTART_CACHE=FOLDER)",
        )


def make_room(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Remove the keys used longest ago until the rest fits; what was used today stays."""
    keys = [entry for entry in folder.glob("*") if entry.is_dir()]
    sizes = {key: sum(file.stat().st_size for file in _files(key)) for key in keys}
    for key in sorted(keys, key=lambda entry: entry.stat().st_mtime):
        if sum(sizes.values()) <= most_bytes or key.stat().st_mtime > time.time() - _DAY:
            return
        shutil.rmtree(key, ignore_errors=True)
        del sizes[key]


def _files(folder: Path) -> Iterable[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"
