"""How unlike the training pictures is a picture: mean cosine distance to its nearest ones.

Source: deep nearest neighbours for out-of-distribution detection (Sun et al. 2022,
arXiv 2204.06507), with the mean over the nearest k instead of the k-th.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.randomness import generator

NEIGHBOURS = 10
_MOST_ROWS = 4096
# The share of pictures like the training ones that may be called unfamiliar.
_FALSE_ALARMS = 0.01
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Reference pictures, and the distance at which a picture is unlike all of them.

    Args:
        bank: float16 [M, D], rows of length 1.
        neighbours: How many nearest rows the distance is averaged over, at most M.
        unfamiliar_above: 99 % of the training pictures are nearer than this to the others.
    """

    bank: npt.NDArray[np.float16]
    neighbours: int
    unfamiliar_above: float


def familiarity(
    features: npt.NDArray[np.float32], groups: npt.NDArray[np.int64], seed: int
) -> Familiarity:
    """From last-tap features float32 [N, D] of the training pictures.

    A picture's own group (its near-duplicates) does not count among its neighbours.
    """
    rows = np.arange(len(features))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(generator(seed, "familiarity").choice(rows, _MOST_ROWS, replace=False))
    length = np.linalg.norm(features, axis=1, keepdims=True)
    units = features / np.maximum(length, 1e-12)
    bank = units[rows].astype(np.float16)
    neighbours = max(1, min(NEIGHBOURS, len(rows) - 1))
    distances = _distances(units, groups, bank.astype(np.float32), groups[rows], neighbours)
    known = distances[np.isfinite(distances)]
    limit = float(np.quantile(known, 1 - _FALSE_ALARMS)) if len(known) else 2.0
    return Familiarity(bank, neighbours, limit)


def _distances(
    units: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64],
    bank: npt.NDArray[np.float32],
    bank_groups: npt.NDArray[np.int64],
    neighbours: int,
) -> npt.NDArray[np.float64]:
    distances = np.empty(len(units))
    for start in range(0, len(units), _BLOCK):
        block = slice(start, start + _BLOCK)
        similarity = units[block] @ bank.T
        similarity[groups[block, None] == bank_groups[None, :]] = -np.inf
        nearest = -np.partition(-similarity, neighbours - 1, axis=1)[:, :neighbours]
        distances[block] = 1.0 - nearest.mean(axis=1)
    return distances
