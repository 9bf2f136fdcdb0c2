"""64 bits that stay nearly the same when a picture is saved again, resized or brightened.

Source:
    pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions",
    section 3.2.1): which of the lowest 8x8 frequencies of a small gray copy are above their median.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from headstart.errors import SettingError
from headstart.images.decode import RESAMPLING, Image

_BITS = 64
_SIDE, _LOW = 32, 8
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
    # `reducing_gap` averages a large picture down in whole steps before it is resampled.
    small = image.resize((_SIDE, _SIDE), RESAMPLING["bilinear"], reducing_gap=2.0).convert("L")
    gray = np.asarray(small, dtype=np.float64)
    blocks = gray.reshape(THUMBNAIL_SIDE, 2, THUMBNAIL_SIDE, 2)
    return _hash(gray), blocks.mean(axis=(1, 3)).round().astype(np.uint8).tobytes()


def _hash(gray: npt.NDArray[np.float64]) -> int:
    low = _COSINES @ gray @ _COSINES.T
    # Rounded, so that what should be 0 is 0 and not the last digit of a sum.
    low = low.round(6)
    median = np.sort(low, axis=None)[_BITS // 2 - 1 : _BITS // 2 + 1].mean()
    return int.from_bytes(np.packbits(low > median).tobytes(), "big")


def near_pairs(hashes: npt.NDArray[np.uint64], distance: int = 4) -> npt.NDArray[np.int64]:
    """Which pictures have nearly the same hash.

    Exact: hashes that differ in at most ``distance`` bits are equal in at least one of
    ``distance + 1`` bands, so only those that share a band are compared.

    Args:
        hashes: uint64 [N].
        distance: The largest number of differing bits, 0 to 63.

    Returns:
        int64 [P, 2]: pairs ``i < j``, sorted. Every pair whose hashes differ, but equal hashes
        stand for each other: the first of them is paired with each of the others, and alone takes
        part in the pairs with different hashes. The groups that the pairs connect are the same as
        if all pairs were given, and a thousand copies give a thousand rows, not half a million.

    Raises:
        SettingError: ``distance`` is out of range.
    """
    if not 0 <= distance < _BITS:
        raise SettingError(f"distance is {distance}", f"0 to {_BITS - 1}", "give another distance")
    hashes = np.asarray(hashes, dtype=np.uint64)
    different, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    leader = first[which]
    copies = np.flatnonzero(leader != np.arange(len(hashes)))
    pairs = [np.stack([leader[copies], copies], axis=1)]
    edges = np.linspace(0, _BITS, distance + 2).astype(int)
    for low, high in itertools.pairwise(edges.tolist()):
        band = (different >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        pairs += [first[found] for found in _near_in_band(different, band, distance)]
    # A pair may be found in several bands.
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0).astype(np.int64)


def _near_in_band(
    hashes: npt.NDArray[np.uint64], band: npt.NDArray[np.uint64], distance: int
) -> list[npt.NDArray[np.int64]]:
    """Positions int64 [P, 2] of near hashes with the same value in one band, in pieces."""
    order = np.argsort(band, kind="stable")
    hashes, band = hashes[order], band[order]
    found = []
    # Each is compared with the next of the same value, then with the next but one, and so on:
    # never more than N comparisons in memory.
    here, step = np.arange(len(hashes)), 1
    while len(here):
        here = here[here + step < len(hashes)]
        here = here[band[here] == band[here + step]]
        near = here[np.bitwise_count(hashes[here] ^ hashes[here + step]) <= distance]
        if len(near):
            found.append(np.stack([order[near], order[near + step]], axis=1))
        step += 1
    return found
