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
THUMBNAIL_SIDE = 16

_frequency, _place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
# The first 8 rows of the cosine transform (DCT-II, not normalised: only the order counts).
_COSINES = np.cos(np.pi * _frequency * (2 * _place + 1) / (2 * _SIDE))


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


def _small(image: Image) -> Image:
    """Gray, 32x32: averaged down in whole steps first, by no more than Pillow has fast code for."""
    steps = min(_MOST_STEPS, max(1, min(image.size) // (2 * _SIDE)))
    gray = image.reduce(steps).convert("L")
    whole = (0, 0, image.width / steps, image.height / steps)
    return gray.resize((_SIDE, _SIDE), RESAMPLING["bilinear"], box=whole)


def _hash(gray: npt.NDArray[np.float64]) -> int:
    low = _COSINES @ gray @ _COSINES.T
    # Rounded, so that what should be 0 is 0 and not the last digit of a sum.
    low = low.round(6)
    median = np.sort(low, axis=None)[_BITS // 2 - 1 : _BITS // 2 + 1].mean()
    return int.from_bytes(np.packbits(low > median).tobytes(), "big")
