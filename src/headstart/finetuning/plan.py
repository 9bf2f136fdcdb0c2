"""Which pictures a training sees when, and in which view: known before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from headstart.finetuning.inputs import Items
from headstart.randomness import generator

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plan:
    """Batches of an epoch.

    Args:
        rows: int [N], the training rows.
        batch_size: Pictures a step; a last batch of a single picture is left out.
        views: Each picture goes through so many views in an order of its own; None: a new one
            every epoch.
        seed: Draws both orders.
    """

    rows: Integers
    batch_size: int
    views: int | None
    seed: int

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        full, rest = divmod(len(self.rows), self.batch_size)
        return max(1, full + (rest > 1))

    def batches(self, epoch: int) -> list[Items]:
        """Rows and views of each batch of an epoch, counted from 0."""
        order = generator(self.seed, f"order {epoch}").permutation(len(self.rows))
        views = self._views[:, epoch % self.views] if self.views else None
        items = [
            (int(self.rows[place]), epoch + 1 if views is None else int(views[place]))
            for place in order
        ]
        size = self.batch_size
        return [items[size * step : size * (step + 1)] for step in range(self.steps)]

    def items(self, epochs: int) -> Items:
        """All that so many epochs will ask for."""
        if not self.views:
            return [item for epoch in range(epochs) for b in self.batches(epoch) for item in b]
        seen = self._views[:, : min(epochs, self.views)]
        return [
            (int(row), int(view)) for row, own in zip(self.rows, seen, strict=True) for view in own
        ]

    @cached_property
    def _views(self) -> Integers:
        assert self.views
        every = np.tile(np.arange(self.views), (len(self.rows), 1))
        return generator(self.seed, "views").permuted(every, axis=1)
