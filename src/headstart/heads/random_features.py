"""Ridge regression behind a layer of random, rectified features."""

from __future__ import annotations

import numpy as np

from headstart.heads.ridge import RidgeHead
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Affine, Layer, Rectify
from headstart.randomness import generator


class RandomFeaturesHead(SpectralHead):
    """Sees combinations of features that no linear rule sees, at the price of a ridge regression.

    The standardised features are multiplied by random numbers, what is negative becomes 0, and
    ridge regression with exact leave-one-out learns from the result. By cross-validation inside
    the training parts of five picture sets (mean accuracy, 245 to 1 000 rows, last tap): 92.5 %,
    ridge 93.1 %; as many random features as rows gave 91.0 %, 4 096 gave 93.1 % for half as much
    time again.

    Args:
        width: Random features M.
        seed: Draws them.

    Attributes:
        ridge_: The fitted `RidgeHead` on the random features.

    Source:
        McDonnell et al. 2023, "RanPAC: random projections and pre-trained models for continual
        learning", §3 (without its class prototypes for a stream of tasks).
    """

    def __init__(self, width: int = 2048, seed: int = 0) -> None:
        self.width = width
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        below, seen = self._below(rows)
        self.ridge_ = RidgeHead().fit_rows(seen, y, groups)
        return (*below, *self.ridge_.layers_)

    def fit_some(self, rows: Rows, kept: Integers, y: Integers) -> tuple[Layer, ...]:
        """As `SpectralHead` has it."""
        below, seen = self._below(rows)
        return (*below, *self.ridge_.fit_some(seen, kept, y))

    def _below(self, rows: Rows) -> tuple[tuple[Layer, ...], Rows]:
        """The layers below the regression, and the rows behind them."""
        below = (_projection(rows, self.width, self.seed), Rectify())
        return below, rows.behind(("random features", self.width, self.seed), below)

    def _calibrate(self, rows: Rows, y: Integers, groups: Integers | None) -> float:
        return self.ridge_.loo_temperature_


def _projection(rows: Rows, width: int, seed: int) -> Affine:
    """Standardised features times normal numbers, as a layer on raw features: [D, M]."""
    mean, scale = rows.moments
    weight = generator(seed, "projection").standard_normal((len(mean), width), dtype=np.float32)
    # Their spread is then about 1 whatever the number of features.
    weight /= (scale * np.sqrt(len(mean)))[:, None].astype(np.float32)
    return Affine(weight, (-mean @ weight).astype(np.float32))
