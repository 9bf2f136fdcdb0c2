"""64 bits that stay nearly the same when a picture is saved again, resized or brightened.

Source:
    pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions",
    section 3.2.1): which of the lowest 8x8 frequencies of a small gray copy are above their median.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headstart.images.decode import RESAMPLING, Image

_BITS = 64
_SIDE, _LOW = 32, 8
_MOST_STEPS = 5
_AT_ONCE = 4096  # thumbnails
THUMBNAIL_SIDE = 16


def _cosines(side: int) -> npt.NDArray[np.float64]:
    """The first 8 rows of the cosine transform (DCT-II, not normalised: only the order counts)."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(side)[None, :]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * side)))


_COSINES, _COSINES_OF_THUMBNAIL = _cosines(_SIDE), _cosines(THUMBNAIL_SIDE)


def perceptual_hash(image: Image) -> int:
    """The hash of an upright RGB picture, in [0, 2**64).

    Pictures of one flat colour have all the same hash (black apart); it says nothing of them.
    """
    return hash_and_thumbnail(image)[0]


def hash_and_thumbnail(image: Image) -> tuple[int, bytes]:
    """The hash, and a gray thumbnail of 16x16 pixels, row by row, to confirm it with."""
    gray = np.asarray(_small(image), dtype=np.float64)
    blocks = gray.reshape(THUMBNAIL_SIDE, 2, THUMBNAIL_SIDE, 2)
    return _hash(gray), blocks.mean(axis=(1, 3)).round().astype(np.uint8).tobytes()


def thumbnail_hashes(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """The hashes of thumbnails, as if each were the picture: nearly the picture's own.

    Args:
        thumbnails: uint8 [N, 256], as `hash_and_thumbnail` gives them.

    Returns:
        uint64 [N].
    """
    squares = thumbnails.reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    found = np.empty(len(squares), np.uint64)
    for start in range(0, len(squares), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        low = _COSINES_OF_THUMBNAIL @ squares[some].astype(np.float64) @ _COSINES_OF_THUMBNAIL.T
        found[some] = _bits(low.reshape(-1, _BITS)).view(">u8")[:, 0]
    return found


def _small(image: Image) -> Image:
    """Gray, 32x32: averaged down in whole steps first, by no more than Pillow has fast code for."""
    steps = min(_MOST_STEPS, max(1, min(image.size) // (2 * _SIDE)))
    gray = image.reduce(steps).convert("L")
    whole = (0, 0, image.width / steps, image.height / steps)
    return gray.resize((_SIDE, _SIDE), RESAMPLING["bilinear"], box=whole)


def _hash(gray: npt.NDArray[np.float64]) -> int:
    low = _COSINES @ gray @ _COSINES.T
    return int.from_bytes(_bits(low.reshape(1, _BITS)).tobytes(), "big")


def _bits(low: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Which of 64 frequencies are above their median: float64 [N, 64] to uint8 [N, 8]."""
    # Rounded, so that what should be 0 is 0 and not the last digit of a sum.
    low = low.round(6)
    middle = np.sort(low, axis=1)[:, _BITS // 2 - 1 : _BITS // 2 + 1]
    return np.packbits(low > middle.mean(axis=1, keepdims=True), axis=1)
