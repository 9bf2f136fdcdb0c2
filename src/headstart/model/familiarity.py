"""How unlike the training pictures is a picture: mean cosine distance to its nearest ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.metrics.nearness import NEIGHBOURS, directions, nearest
from headstart.randomness import generator

_MOST_ROWS = 4096
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

    def distances_of(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """float64 [M] of last-tap features float32 [M, D] of other pictures; as in the graph."""
        nobody, own = np.full(len(features), -1), np.zeros(len(self.bank), dtype=np.int64)
        bank = self.bank.astype(np.float32)
        return nearest(directions(features), nobody, bank, own, self.neighbours).distance


def familiarity(
    features: npt.NDArray[np.float32], groups: npt.NDArray[np.int64], seed: int
) -> Familiarity:
    """From last-tap features float32 [N, D] of the training pictures.

    A picture's own group (its near-duplicates) does not count among its neighbours.
    """
    rows = np.arange(len(features))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(generator(seed, "familiarity").choice(rows, _MOST_ROWS, replace=False))
    units = directions(features)
    bank = units[rows].astype(np.float16)
    neighbours = max(1, min(NEIGHBOURS, len(rows) - 1))
    distances = nearest(units, groups, bank.astype(np.float32), groups[rows], neighbours).distance
    known = distances[np.isfinite(distances)]
    limit = float(np.quantile(known, 1 - _FALSE_ALARMS)) if len(known) else 2.0
    return Familiarity(bank, neighbours, limit, distances)
