"""Copies: the same file twice, or nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.images.perceptual_hash import near_pairs

# A hash sees layout only: two solar cells or two blank pages agree in it. So the backbone must
# find the two nearly the same as well.
_HASH_DISTANCE = 4
_COSINE = 0.95

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


def find_duplicates(
    digests: tuple[bytes, ...],
    hashes: npt.NDArray[np.uint64],
    features: npt.NDArray[np.float32],
) -> Duplicates:
    """Copies among N pictures.

    Args:
        digests: sha256 of each file.
        hashes: uint64 [N], perceptual hashes.
        features: float32 [N, D], last-tap features.
    """
    exact = _exact_pairs(digests)
    pairs = near_pairs(hashes, _HASH_DISTANCE)
    same_bytes = np.array([digests[i] == digests[j] for i, j in pairs], dtype=bool)
    pairs = pairs[~same_bytes]
    return Duplicates(exact, pairs[_cosine(features, pairs) >= _COSINE])


def _exact_pairs(digests: tuple[bytes, ...]) -> Pairs:
    first: dict[bytes, int] = {}
    pairs = [
        (first[digest], row)
        for row, digest in enumerate(digests)
        if first.setdefault(digest, row) != row
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _cosine(features: npt.NDArray[np.float32], pairs: Pairs) -> npt.NDArray[np.float32]:
    a, b = features[pairs[:, 0]], features[pairs[:, 1]]
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(axis=1) / np.maximum(lengths, 1e-12), dtype=np.float32)
