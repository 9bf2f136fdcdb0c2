"""Files through decoder, preprocessing and engine, on every core, in the order they were given.

The one loop behind extraction and prediction alike. Each thread takes one picture from its bytes
to its outputs: no picture waits in a queue, so memory does not grow with the number of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import Outputs, Runs, num_cores
from headstart.errors import UnusableImage
from headstart.files import content_digest
from headstart.images.decode import Picture, decode, read_bytes
from headstart.images.perceptual_hash import hash_and_thumbnail
from headstart.images.preprocessing import Preprocessing
from headstart.in_order import in_order

# A file's path, or its bytes.
Source = Path | bytes

# Twice the cores keeps every stream busy while other threads decode.
_THREADS_PER_CORE = 2
# So many wait in order for a slow one, or while a shard is written.
_AHEAD_PER_THREAD = 32


@dataclass(frozen=True)
class FileFacts:
    """What one file is, besides its features.

    Args:
        width, height: Upright size in the file, in pixels.
        format: ``"JPEG"``, ...
        mode: Pillow's mode in the file.
        flags: See `images.decode.Picture`.
        hash: 64-bit perceptual hash.
        thumbnail: 256 bytes, 16x16 gray pixels.
        quality: Of a JPEG, 1 to 100; 0 of other formats.
    """

    width: int
    height: int
    format: str
    mode: str
    flags: frozenset[str]
    hash: int
    thumbnail: bytes
    quality: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one file: outputs, or a reason, or a digest that is already known.

    Args:
        digest: `files.content_digest` of the file's bytes; empty when it could not be read.
        outputs: float32 [D] by output name; None when unusable or already known.
        facts: Beside ``outputs``, when asked for.
        failure: Why it is unusable.
    """

    digest: bytes
    outputs: Outputs | None = None
    facts: FileFacts | None = None
    failure: UnusableImage | None = None


def read_through(
    sources: Iterable[Source],
    engine: Runs,
    preprocessing: Preprocessing,
    *,
    known: Callable[[bytes], bool] | None = None,
    with_facts: bool = False,
    threads: int | None = None,
) -> Iterator[Outcome]:
    """One outcome a source, in the order of the sources.

    Args:
        sources: Files by their path, or as bytes.
        engine: Runs the graph.
        preprocessing: What the graph's weights expect.
        known: Digests whose outputs are not needed again: such a file is read, not decoded.
        with_facts: Also measure what the file is (for checks and for finding duplicates).
        threads: None: twice the cores.
    """

    def one(source: Source) -> Outcome:
        return outcome_of(source, engine, preprocessing, known, with_facts)

    threads = threads or _THREADS_PER_CORE * num_cores()
    yield from in_order(one, sources, threads, _AHEAD_PER_THREAD, "reading")


def outcome_of(
    source: Source,
    engine: Runs,
    preprocessing: Preprocessing,
    known: Callable[[bytes], bool] | None = None,
    with_facts: bool = False,
) -> Outcome:
    """What becomes of one file, in the thread that asks; as in `read_through`."""
    digest = b""
    try:
        data = source if isinstance(source, bytes) else read_bytes(source)
        digest = content_digest(data)
        if known is not None and known(digest):
            return Outcome(digest)
        picture = decode(data, at_least=preprocessing.at_least)
        outputs = outputs_of(preprocessing.pixels(picture), engine)
        return Outcome(digest, outputs, facts_of(picture) if with_facts else None)
    except UnusableImage as failure:
        return Outcome(digest, failure=failure)


def outputs_of(pixels: npt.NDArray[np.uint8], engine: Runs) -> Outputs:
    """What the network gives for its input, uint8 [size, size, 3].

    Raises:
        UnusableImage: Values that are not finite.
    """
    outputs = engine.run(pixels)
    if not all(np.isfinite(values).all() for values in outputs.values()):
        raise UnusableImage("non_finite", "the network overflowed on this picture")
    return outputs


def facts_of(picture: Picture) -> FileFacts:
    """What a decoded picture is."""
    hash_, thumbnail = hash_and_thumbnail(picture.image)
    return FileFacts(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        mode=picture.mode,
        flags=picture.flags,
        hash=hash_,
        thumbnail=thumbnail,
        quality=picture.quality,
    )
