"""Copies: the same file twice, or nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Facts
from headstart.images.perceptual_hash import near_pairs

_HASH_DISTANCE = 4
# A copy that was saved again, resized or brightened stays above; other solar cells of the same
# module, or other slices of the same head, mostly stay below.
_CORRELATION = 0.98
_ENOUGH_FOR_A_MEAN = 50

Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of rows, int64 [P, 2], that together connect every set of copies.

    Args:
        exact: Byte for byte the same file.
        near: Nearly the same picture (other size, compression, brightness), not the same bytes.
    """

    exact: Pairs
    near: Pairs

    @property
    def pairs(self) -> Pairs:
        """Both kinds."""
        return np.concatenate([self.exact, self.near])


def find_duplicates(facts: Facts) -> Duplicates:
    """Copies among N pictures.

    A near copy has nearly the same hash, and its thumbnail the same light and dark places. What
    all pictures of the set share (the frame of a scanner, the bars of a solar cell) is taken away
    first: it is no evidence that two of them are the same.
    """
    exact = _exact_pairs(facts.digests)
    pairs = near_pairs(facts.hashes, _HASH_DISTANCE)
    same_bytes = np.array([facts.digests[i] == facts.digests[j] for i, j in pairs], dtype=bool)
    pairs = pairs[~same_bytes]
    own = _own_pattern(facts.thumbnails)
    alike = np.einsum("pd,pd->p", own[pairs[:, 0]], own[pairs[:, 1]]) >= _CORRELATION
    return Duplicates(exact, pairs[alike])


def _own_pattern(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """float32 [N, P], rows of length 1: each thumbnail, free of brightness, contrast, and the mean.

    With few pictures the mean is mostly the pictures themselves, so it is taken away only where
    it is the mean of many.
    """
    pixels = thumbnails.astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    pixels = _unit(pixels)
    if len(pixels) >= _ENOUGH_FOR_A_MEAN:
        pixels -= pixels.mean(axis=0)
    return _unit(pixels)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def _exact_pairs(digests: tuple[bytes, ...]) -> Pairs:
    first: dict[bytes, int] = {}
    pairs = [
        (first[digest], row)
        for row, digest in enumerate(digests)
        if first.setdefault(digest, row) != row
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
