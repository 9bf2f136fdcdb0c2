"""Features on disk: immutable Parquet shards, found by the content of the picture.

``features/<key>/part-<random>.parquet``; the key names everything that decides the numbers
(backbone fingerprint, precision, views, decoding). Written whole or not at all, never changed
afterwards, so any number of processes may read and write at once without a lock. Plain Parquet:
pandas, polars and DuckDB open it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from headstart.backbones.backbone import Backbone
from headstart.backbones.engine import Outputs
from headstart.backbones.reading import FileFacts
from headstart.backbones.request import PLAIN
from headstart.datasets.facts import Facts
from headstart.errors import StoreError
from headstart.feature_rows import Features
from headstart.features import columns
from headstart.features.columns import FACTS, FactColumns
from headstart.features.feature_set import Taps
from headstart.features.on_disk import room_on_disk
from headstart.files import canonical_json, sha256, sweep, write_text, written_whole
from headstart.images.decode import DECODER_VERSION

FORMAT_VERSION = 5
_DAY = 86_400
_MOST_ROWS = 2**32  # of a shard
_MOST_IN_MEMORY = 64_000_000  # numbers of all taps: of 23 000 pictures by the default network

Row = tuple[bytes, Outputs, FileFacts]
Rows = npt.NDArray[np.int64]


def key_of(backbone: Backbone) -> str:
    """Names everything that decides the features of given bytes."""
    record = {
        "format": FORMAT_VERSION,
        "backbone": backbone.fingerprint,
        "precision": backbone.precision,
        "decoder": DECODER_VERSION,
    }
    if backbone.tta != PLAIN:
        record["tta"] = backbone.tta
    return f"{backbone.architecture}-{sha256(canonical_json(record).encode())[:16]}"


class FeatureStore:
    """The features made by one backbone.

    Args:
        cache: The cache folder.
        backbone: Whose features.

    Raises:
        StoreError: The folder cannot be written.
    """

    def __init__(self, cache: Path, backbone: Backbone) -> None:
        self.folder = cache / "features" / key_of(backbone)
        self.damaged: list[str] = []
        self._taps = backbone.taps
        self._shards: list[Path] = []
        # One number a picture, its shard's and its row's: there may be a million of them.
        self._places: dict[bytes, int] = {}
        if not (self.folder / "key.json").exists():
            record = {"format": FORMAT_VERSION, **backbone.to_json()}
            write_text(self.folder / "key.json", json.dumps(record, indent=2))
        sweep(self.folder, older_than=time.time() - _DAY)
        for shard in sorted(self.folder.glob("part-*.parquet")):
            self._index(shard)
        self._ours = len(self._shards) * _MOST_ROWS

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

    def had(self, digest: bytes) -> bool:
        """Whether it was there before anything was added here."""
        return self._places.get(digest, self._ours) < self._ours

    def add(self, rows: Sequence[Row]) -> None:
        """Write one shard.

        Raises:
            StoreError: It cannot be written; nothing is left behind.
        """
        fresh = {row[0]: row for row in rows if row[0] not in self._places}
        if not fresh:
            return
        shard = self.folder / f"part-{secrets.token_hex(10)}.parquet"
        with written_whole(shard) as temporary:
            pq.write_table(
                self._table(list(fresh.values())),
                temporary,
                compression="lz4",  # zstd is a tenth smaller, and takes four times as long to read
                use_dictionary=False,
                write_page_checksum=True,
            )
        self._note(shard, fresh)

    def load(self, digests: Sequence[bytes]) -> tuple[Taps, Facts]:
        """Features and facts of pictures that are all in the store, in the order asked.

        Returns:
            float32 [N, D] by tap name, each read when it is first asked for (of many pictures to
            the disk, from where rows come when they are asked for), and N facts. Reading either
            raises a StoreError where a shard was damaged since it was written; it is put
            aside.
        """
        places = np.array([self._places[digest] for digest in digests], dtype=np.int64)
        facts = FactColumns(len(digests))
        for at, rows, table in self._pieces(places, list(FACTS)):
            facts.fill(at, table, rows)
        dims = {tap.name: tap.dim for tap in self._taps}
        is_much = len(digests) * sum(dims.values()) > _MOST_IN_MEMORY
        taps = Taps(dims, lambda name: self._tap(name, (len(places), dims[name]), places, is_much))
        return taps, facts.facts(digests)

    def _tap(self, name: str, shape: tuple[int, int], places: Rows, is_much: bool) -> Features:
        dim = shape[1]
        values = room_on_disk(shape, self.folder) if is_much else np.empty(shape, np.float32)
        for at, rows, table in self._pieces(places, [f"tap.{name}"]):
            values[at] = columns.to_vectors(table.column(0), dim)[rows]
        return values

    def _pieces(self, places: Rows, names: list[str]) -> Iterator[tuple[Rows, Rows, pa.Table]]:
        """Shard by shard: which of ``places`` it holds, in which rows, and its columns."""
        shards, rows = np.divmod(places, _MOST_ROWS)
        for number in np.unique(shards):
            at = np.flatnonzero(shards == number)
            yield at, rows[at], self._whole(self._shards[number], names)

    def _whole(self, shard: Path, names: list[str]) -> pa.Table:
        try:
            return _read(shard, names)
        except (OSError, pa.ArrowException) as error:
            _must_be_damage(error, shard)
            self._put_aside(shard)
            raise StoreError(
                f"a part of the feature store is damaged and was put aside: {shard} ({error})",
                "the part as it was written",
                "run the same command again: its pictures are then computed anew",
            ) from error

    def _put_aside(self, shard: Path) -> None:
        self.damaged.append(shard.name)
        with contextlib.suppress(OSError):
            shard.rename(shard.with_suffix(".damaged"))

    def _index(self, shard: Path) -> None:
        """Note which pictures a shard holds; one that cannot be read whole is put aside."""
        try:
            table = _read(shard, ["digest"])
        except (OSError, pa.ArrowException) as error:
            _must_be_damage(error, shard)
            self._put_aside(shard)
            return
        self._note(shard, table.column(0).to_pylist())

    def _note(self, shard: Path, digests: Iterable[bytes]) -> None:
        first = len(self._shards) * _MOST_ROWS
        self._shards.append(shard)
        for row, digest in enumerate(digests):
            self._places.setdefault(digest, first + row)

    def _table(self, rows: list[Row]) -> pa.Table:
        named = {
            "digest": columns.digests([digest for digest, _, _ in rows]),
            **columns.of_facts([facts for _, _, facts in rows]),
        }
        for tap in self._taps:
            values = np.stack([outputs[tap.name] for _, outputs, _ in rows])
            named[f"tap.{tap.name}"] = columns.vectors(values)
        return pa.table(named)


def _read(shard: Path, names: list[str]) -> pa.Table:
    # Not `read_table`, which looks for datasets of many files and imports what it takes.
    with pq.ParquetFile(shard, page_checksum_verification=True) as file:
        return file.read(columns=names)


def _must_be_damage(error: Exception, shard: Path) -> None:
    """Too many open files, a refused permission, a failing disk: no reason to give up features.

    Raises:
        StoreError: The operating system said why it could not read; the shard stays.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise StoreError(
            f"could not read {shard}: {error.strerror or error}",
            "a feature store that can be read",
            "run the same command again, or choose another place (--cache FOLDER)",
        ) from error
