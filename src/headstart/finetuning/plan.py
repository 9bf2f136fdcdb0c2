"""Which pictures a training sees when, and in which view: known before it starts."""

from __future__ import annotations

import math
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
        steps_per_epoch: Batches an epoch; None: one pass over the pictures.
    """

    rows: Integers
    batch_size: int
    views: int | None
    seed: int
    steps_per_epoch: int | None = None

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return self.steps_per_epoch or self._steps_per_pass

    def batches(self, epoch: int) -> list[Items]:
        """Rows and views of each batch of an epoch, counted from 0.

        The epochs cut one endless row of passes: every picture is seen as often as any other.
        """
        first, last = epoch * self.steps, (epoch + 1) * self.steps
        each = self._steps_per_pass
        passes = range(first // each, math.ceil(last / each))
        found = [batch for number in passes for batch in self._pass(number)]
        return found[first % each :][: self.steps]

    def items(self, epochs: int) -> Items:
        """All that so many epochs will ask for."""
        if not self.views:
            return [item for epoch in range(epochs) for b in self.batches(epoch) for item in b]
        passes = math.ceil(epochs * self.steps / self._steps_per_pass)
        seen = self._views[:, : min(passes, self.views)]
        return [
            (int(row), int(view)) for row, own in zip(self.rows, seen, strict=True) for view in own
        ]

    @property
    def _steps_per_pass(self) -> int:
        full, rest = divmod(len(self.rows), self.batch_size)
        return max(1, full + (rest > 1))

    def _pass(self, number: int) -> list[Items]:
        """The batches of one pass over the pictures, each in its next view."""
        order = generator(self.seed, f"order {number}").permutation(len(self.rows))
        views = self._views[:, number % self.views] if self.views else None
        items = [
            (int(self.rows[place]), number + 1 if views is None else int(views[place]))
            for place in order
        ]
        size = self.batch_size
        return [items[size * step : size * (step + 1)] for step in range(self._steps_per_pass)]

    @cached_property
    def _views(self) -> Integers:
        assert self.views
        every = np.tile(np.arange(self.views), (len(self.rows), 1))
        return generator(self.seed, "views").permuted(every, axis=1)
