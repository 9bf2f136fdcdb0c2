"""How unlike the training pictures is a picture: mean cosine distance to its nearest ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features
from headstart.metrics.nearness import NEIGHBOURS, directions, nearest
from headstart.randomness import generator

_MOST_ROWS = 4096
_BLOCK = 4096  # rows written out at a time
# The share of pictures like the training ones that may be called unfamiliar.
_FALSE_ALARMS = 0.01


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Reference pictures, and the distance at which a picture is unlike all of them.

    Args:
        bank: float16 [M, D], rows of length 1.
        neighbours: How many nearest rows the distance is averaged over, at most M.
        unfamiliar_above: 99 % of the training pictures are nearer than this to the others.
        distances: float64 [N], of the training pictures to the others.
    """

    bank: npt.NDArray[np.float16]
    neighbours: int
    unfamiliar_above: float
    distances: npt.NDArray[np.float64]

    @property
    def familiar(self) -> npt.NDArray[np.bool_]:
        """Which training pictures are like the others; also those with too few to compare."""
        return ~(np.isfinite(self.distances) & (self.distances > self.unfamiliar_above))

    def distances_of(self, features: Features) -> npt.NDArray[np.float64]:
        """float64 [M] of last-tap features float32 [M, D] of other pictures; as in the graph."""
        nobody, own = np.full(len(features), -1), np.zeros(len(self.bank), dtype=np.int64)
        return _distances(features, nobody, self.bank, own, self.neighbours)


def familiarity(features: Features, groups: npt.NDArray[np.int64], seed: int) -> Familiarity:
    """From last-tap features float32 [N, D] of the training pictures.

    A picture's own group (its near-duplicates) does not count among its neighbours.
    """
    rows = np.arange(len(features))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(generator(seed, "familiarity").choice(rows, _MOST_ROWS, replace=False))
    bank = directions(features[rows]).astype(np.float16)
    neighbours = max(1, min(NEIGHBOURS, len(rows) - 1))
    distances = _distances(features, groups, bank, groups[rows], neighbours)
    known = distances[np.isfinite(distances)]
    limit = float(np.quantile(known, 1 - _FALSE_ALARMS)) if len(known) else 2.0
    return Familiarity(bank, neighbours, limit, distances)


def _distances(
    features: Features,
    groups: npt.NDArray[np.int64],
    bank: npt.NDArray[np.float16],
    bank_groups: npt.NDArray[np.int64],
    neighbours: int,
) -> npt.NDArray[np.float64]:
    """float64 [N], of features [N, D] to the bank [M, D], block by block."""
    wide, found = bank.astype(np.float32), np.empty(len(features))
    for start in range(0, len(features), _BLOCK):
        some = slice(start, start + _BLOCK)
        units = directions(features[some])
        found[some] = nearest(units, groups[some], wide, bank_groups, neighbours).distance
    return found
