"""Features on disk: immutable Parquet shards, found by the content of the picture.

``features/<key>/part-<random>.parquet``; the key names everything that decides the numbers
(backbone fingerprint, precision, decoding). Written whole or not at all, never changed afterwards,
so any number of processes may read and write at once without a lock. Plain Parquet: pandas, polars
and DuckDB open it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from headstart.backbones.backbone import Backbone
from headstart.backbones.engine import Outputs
from headstart.backbones.reading import FileFacts
from headstart.errors import StoreError
from headstart.files import canonical_json, sha256, sweep, write_text, written_whole
from headstart.images.decode import DECODER_VERSION

FORMAT_VERSION = 2
_DAY = 86_400
_FACT_FIELDS = [
    pa.field("width", pa.int64()),
    pa.field("height", pa.int64()),
    pa.field("format", pa.string()),
    pa.field("mode", pa.string()),
    pa.field("flags", pa.list_(pa.string())),
    pa.field("hash", pa.uint64()),
    pa.field("thumbnail", pa.binary()),
]

Row = tuple[bytes, Outputs, FileFacts]


def key_of(backbone: Backbone) -> str:
    """Names everything that decides the features of given bytes."""
    record = {
        "format": FORMAT_VERSION,
        "backbone": backbone.fingerprint,
        "precision": "f32",
        "decoder": DECODER_VERSION,
    }
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
        self._places: dict[bytes, tuple[Path, int]] = {}
        if not (self.folder / "key.json").exists():
            record = {"format": FORMAT_VERSION, **backbone.to_json()}
            write_text(self.folder / "key.json", json.dumps(record, indent=2))
        sweep(self.folder, older_than=time.time() - _DAY)
        for shard in sorted(self.folder.glob("part-*.parquet")):
            self._index(shard)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def digests(self) -> frozenset[bytes]:
        """What is in the store now."""
        return frozenset(self._places)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

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
                compression="zstd",
                use_dictionary=False,
                write_page_checksum=True,
            )
        self._places.update({digest: (shard, row) for row, digest in enumerate(fresh)})

    def load(
        self, digests: Sequence[bytes]
    ) -> tuple[dict[str, npt.NDArray[np.float32]], list[FileFacts]]:
        """Features and facts of pictures that are all in the store, in the order asked.

        Returns:
            float32 [N, D] by tap name, and N facts.

        Raises:
            StoreError: A shard was damaged since it was written; it is put aside.
        """
        taps = {tap.name: np.empty((len(digests), tap.dim), np.float32) for tap in self._taps}
        facts: list[FileFacts | None] = [None] * len(digests)
        for shard, wanted in self._by_shard(digests).items():
            table = self._whole(shard)
            places = np.array([place for place, _ in wanted])
            rows = np.array([row for _, row in wanted])
            for tap in self._taps:
                column = table.column(f"tap.{tap.name}").combine_chunks()
                taps[tap.name][places] = column.flatten().to_numpy().reshape(-1, tap.dim)[rows]
            kept = table.select([field.name for field in _FACT_FIELDS]).take(rows).to_pylist()
            for place, record in zip(places, kept, strict=True):
                facts[place] = FileFacts(**{**record, "flags": frozenset(record["flags"])})
        return taps, [fact for fact in facts if fact is not None]

    def _whole(self, shard: Path) -> pa.Table:
        try:
            return pq.read_table(shard, page_checksum_verification=True)
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

    def _by_shard(self, digests: Iterable[bytes]) -> dict[Path, list[tuple[int, int]]]:
        wanted: dict[Path, list[tuple[int, int]]] = {}
        for place, digest in enumerate(digests):
            shard, row = self._places[digest]
            wanted.setdefault(shard, []).append((place, row))
        return wanted

    def _index(self, shard: Path) -> None:
        """Note which pictures a shard holds; one that cannot be read whole is put aside."""
        try:
            digests = pq.read_table(shard, columns=["digest"], page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            _must_be_damage(error, shard)
            self._put_aside(shard)
            return
        for row, digest in enumerate(digests.column(0).to_pylist()):
            self._places.setdefault(digest, (shard, row))

    def _table(self, rows: list[Row]) -> pa.Table:
        facts = [{**vars(fact), "flags": sorted(fact.flags)} for _, _, fact in rows]
        fields = [pa.field("digest", pa.binary(32)), *_FACT_FIELDS]
        arrays = [pa.array([digest for digest, _, _ in rows], pa.binary(32))]
        arrays += [
            pa.array([fact[field.name] for fact in facts], field.type) for field in _FACT_FIELDS
        ]
        for tap in self._taps:
            values = np.concatenate([outputs[tap.name] for _, outputs, _ in rows])
            fields.append(pa.field(f"tap.{tap.name}", pa.list_(pa.float32(), tap.dim)))
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values), tap.dim))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


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
