"""The rows nearest to a row, by the cosine of features, and how far away they are.

Source: deep nearest neighbours for out-of-distribution detection (Sun et al. 2022,
arXiv 2204.06507), with the mean over the nearest k instead of the k-th.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features

Units = npt.NDArray[np.float32]
Groups = npt.NDArray[Any]

NEIGHBOURS = 10
_COMPARED = 8_000_000  # similarities held at a time: 32 MB
_ROWS = 4096  # scaled at a time


@dataclass(frozen=True, eq=False)
class Nearest:
    """Each row's nearest rows of a bank, the nearest first.

    Args:
        similarity: float32 [N, K], cosines; -inf where the bank has no further row to compare.
        rows: int64 [N, K], positions in the bank; of no meaning where the similarity is -inf.
    """

    similarity: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]

    @property
    def distance(self) -> npt.NDArray[np.float64]:
        """float64 [N], 1 - mean cosine; infinite where there were fewer than K to compare."""
        mean = self.similarity.mean(axis=1, dtype=np.float64)
        return np.asarray(np.maximum(0.0, 1.0 - mean))


def directions(features: Features) -> Units:
    """float32 [N, D], the rows scaled to length 1 (rows of length 0 stay 0), block by block."""
    found = np.empty(features.shape, np.float32)
    for start in range(0, len(features), _ROWS):
        some = slice(start, start + _ROWS)
        rows = features[some]
        found[some] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found


def nearest(
    units: Units,
    groups: Groups,
    bank: Units,
    bank_groups: Groups,
    neighbours: int = NEIGHBOURS,
) -> Nearest:
    """Compare every row with every row of the bank, block by block: memory stays flat.

    Args:
        units: float32 [N, D], rows of length 1.
        groups: [N], a row is not compared with rows of its own group.
        bank: float32 [M, D], rows of length 1.
        bank_groups: [M], the groups of the bank's rows.
        neighbours: K, from 1 to M.
    """
    found = Nearest(
        np.empty((len(units), neighbours), np.float32), np.empty((len(units), neighbours), np.int64)
    )
    at_once = max(1, _COMPARED // len(bank))
    for start in range(0, len(units), at_once):
        block = slice(start, start + at_once)
        similarity = units[block] @ bank.T
        similarity[groups[block, None] == bank_groups[None, :]] = -np.inf
        found.similarity[block], found.rows[block] = _largest(similarity, neighbours)
    return found


def _largest(similarity: Units, number: int) -> tuple[Units, npt.NDArray[np.int64]]:
    """The largest values of each row, falling, and where they stand."""
    if number == 1:
        rows = similarity.argmax(axis=1)[:, None]
        return np.take_along_axis(similarity, rows, axis=1), rows
    rows = np.argpartition(similarity, -number, axis=1)[:, -number:]
    values = np.take_along_axis(similarity, rows, axis=1)
    order = np.lexsort((rows, -values), axis=1)
    return np.take_along_axis(values, order, axis=1), np.take_along_axis(rows, order, axis=1)
