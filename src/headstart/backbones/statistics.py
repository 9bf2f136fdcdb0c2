"""What a network's layers are given by some pictures, beside what they were given in pretraining.

Read with the second graph that `building` writes beside the first; see `statistics_graph`.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from headstart.backbones.backbone import Backbone
from headstart.backbones.building import PRETRAINING, STATISTICS
from headstart.backbones.engine import Engine, LazyEngine, Outputs
from headstart.backbones.reading import read_through
from headstart.files import canonical_json, sha256, sweep, written_whole
from headstart.images.decode import DECODER_VERSION

# Raise it when a picture gives other numbers than before.
_VERSION = 2
_DIGESTS = "digests"
_DAY = 86_400

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One batch-norm layer.

    Args:
        name: Its place in the network.
        channels: Its columns among those of all layers.
    """

    name: str
    channels: slice


@dataclass(frozen=True, eq=False)
class Pretraining:
    """What a network remembers of the pictures it was pretrained on.

    Args:
        mean: float32 [sum of C], running means of every batch-norm layer's input.
        layers: In order of depth; none where the network has no batch norm.
        classes: Names of the classes it was trained to tell apart, where known.
    """

    mean: Floats
    layers: tuple[Layer, ...]
    classes: tuple[str, ...] | None


@dataclass(frozen=True, eq=False)
class PictureStatistics:
    """What N pictures give to a network's layers. None: the network has no such layer.

    Args:
        means: float32 [N, sum of C], over the positions of each picture, of the input of every
            batch-norm layer.
        logits: float32 [N, K], of the network's own classifier.
        affinity: float32 [N], largest cosine with a class prototype.
        look: float32 [N, 3]: colour, contrast and unevenness of the border, each in 0..1.
    """

    means: Floats | None
    logits: Floats | None
    affinity: Floats | None
    look: Floats

    def __len__(self) -> int:
        return len(self.look)


def pretraining(backbone: Backbone) -> Pretraining | None:
    """What the backbone remembers; None where it was not built here (a graph in a bundle)."""
    path = backbone.graph.with_name(PRETRAINING)
    if not path.is_file():
        return None
    with safe_open(path, framework="numpy") as file:
        record = json.loads(file.metadata()["record"])
        mean = file.get_tensor("mean")
    names = [name for name, _ in record["layers"]]
    ends = np.cumsum([num for _, num in record["layers"]], dtype=np.int64).tolist()
    layers = [
        Layer(name, slice(start, end))
        for name, start, end in zip(names, [0, *ends], ends, strict=False)
    ]
    return Pretraining(mean, tuple(layers), tuple(record["classes"]) if record["classes"] else None)


def picture_statistics(
    backbone: Backbone,
    paths: Sequence[Path],
    threads: int | None = None,
    cache: Path | None = None,
) -> PictureStatistics | None:
    """Statistics of the pictures that can be read; None where none can.

    Args:
        backbone: As `load_backbone` gave it.
        paths: Files; a few hundred are enough, and some 100 kB each are kept in memory.
        threads: None: chosen from the machine.
        cache: The cache folder: what was read there before is not read again, by the content of
            the picture; None: nothing is kept.

    Raises:
        StoreError: The cache cannot be written.
    """
    engine = LazyEngine(lambda: Engine(backbone.graph.with_name(STATISTICS), threads=threads))
    kept = _Kept(cache / "statistics" / _key(backbone)) if cache else None
    outcomes = read_through(
        paths,
        engine,
        backbone.preprocessing,
        known=kept.__contains__ if kept else None,
        threads=2 * threads if threads else None,
    )
    rows, fresh = [], {}
    for outcome in outcomes:
        if outcome.outputs is not None:
            rows.append(outcome.outputs)
            fresh[outcome.digest] = outcome.outputs
        elif kept and outcome.failure is None:
            rows.append(kept[outcome.digest])
    if kept and fresh:
        kept.add(fresh)
    return _stacked(rows) if rows else None


class _Kept:
    """What pictures gave before, by their digests: many rows to a file, each written whole.

    A file that cannot be read is left out: its pictures are read again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[bytes, tuple[Path, int]] = {}
        self._read: dict[bytes, Outputs] = {}
        sweep(folder, older_than=time.time() - _DAY)
        for part in sorted(folder.glob("part-*.safetensors")):
            with contextlib.suppress(OSError, SafetensorError):
                digests = _digests(part)
                self._places |= {digest: (part, row) for row, digest in enumerate(digests)}

    def __contains__(self, digest: bytes) -> bool:
        """Whether it is there, and read."""
        try:
            part, row = self._places[digest]
            with safe_open(part, framework="numpy") as file:
                names = set(file.keys()) - {_DIGESTS}
                self._read[digest] = {name: file.get_slice(name)[row] for name in names}
        except (KeyError, OSError, SafetensorError):
            return False
        return True

    def __getitem__(self, digest: bytes) -> Outputs:
        return self._read[digest]

    def add(self, rows: dict[bytes, Outputs]) -> None:
        names = next(iter(rows.values()))
        digests = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
        columns = {name: np.stack([row[name] for row in rows.values()]) for name in names}
        with written_whole(self._folder / f"part-{secrets.token_hex(10)}.safetensors") as temporary:
            temporary.write_bytes(save({**columns, _DIGESTS: digests}))


def _digests(part: Path) -> list[bytes]:
    with safe_open(part, framework="numpy") as file:
        return [row.tobytes() for row in file.get_tensor(_DIGESTS)]


def _key(backbone: Backbone) -> str:
    """Names everything that decides what given bytes give."""
    asked = {
        "version": _VERSION,
        "backbone": backbone.fingerprint,
        "decoder": DECODER_VERSION,
    }
    return f"{backbone.architecture}-{sha256(canonical_json(asked).encode())[:16]}"


def _stacked(rows: list[Outputs]) -> PictureStatistics:
    def column(name: str) -> Floats | None:
        return np.stack([row[name] for row in rows]) if name in rows[0] else None

    affinity = column("affinity")
    return PictureStatistics(
        means=column("means"),
        logits=column("logits"),
        affinity=None if affinity is None else affinity[:, 0],
        look=np.stack([row["look"] for row in rows]),
    )
