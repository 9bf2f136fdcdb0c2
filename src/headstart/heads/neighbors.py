"""The nearest training rows vote."""

from __future__ import annotations

import numpy as np

from headstart.heads.centroid import centred_directions
from headstart.heads.head import Head
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Layer, Vote, run
from headstart.randomness import generator


class NeighborsHead(Head):
    """Cosine nearest neighbours among the centred features, nearer ones counting more.

    Args:
        neighbors: How many vote; all rows, if there are fewer.
        sharpness: A neighbour's vote is ``exp(sharpness * (cosine - largest cosine))``.
        max_rows: More rows than this are thinned out at random, each class in proportion.
        seed: Draws the rows kept, and those that the temperature is fitted on.

    Attributes:
        bank_rows_: int [M], which training rows are kept; all of them up to ``max_rows``.
    """

    def __init__(
        self, neighbors: int = 10, sharpness: float = 10.0, max_rows: int = 20_000, seed: int = 0
    ) -> None:
        self.neighbors = neighbors
        self.sharpness = sharpness
        self.max_rows = max_rows
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        directions = centred_directions(rows)
        self.bank_rows_ = _thinned(y, self.max_rows, self.seed)
        bank = run(directions, rows.X[self.bank_rows_].astype(np.float32, copy=False))
        vote = Vote(
            bank=bank,
            classes=y[self.bank_rows_].astype(np.int64),
            num_classes=num_classes,
            neighbours=min(self.neighbors, len(bank)),
            sharpness=float(self.sharpness),
        )
        return (*directions, vote)


def _thinned(y: Integers, max_rows: int, seed: int) -> Integers:
    """Rows to keep, in order: each class's share of ``max_rows``, and at least one row."""
    if len(y) <= max_rows:
        return np.arange(len(y))
    random = generator(seed, "bank")
    kept = []
    for label in np.unique(y):
        own = random.permutation(np.flatnonzero(y == label))
        kept.append(own[: max(1, len(own) * max_rows // len(y))])
    return np.sort(np.concatenate(kept))
