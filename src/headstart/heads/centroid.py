"""Nearest class mean by the angle between centred features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.feature_rows import Features
from headstart.heads.head import Head
from headstart.heads.spectrum import Floats, Integers, Rows, blocks, class_sums
from headstart.layers import Affine, Layer, Normalise, Shift, run


class NearestMeanHead(Head):
    """Cosine of the centred features with each class's mean direction.

    Nothing is tuned, so it holds up with a handful of pictures a class.

    Args:
        seed: Draws the rows that the temperature is fitted on.

    Source:
        Wang et al. 2019, "SimpleShot: revisiting nearest-neighbor classification for few-shot
        learning", the variant CL2N.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        directions = centred_directions(rows)
        sums = directed_class_sums(directions, rows.X, y, num_classes)
        means = Normalise().run(sums.astype(np.float32))
        return (*directions, Affine(means.T.copy(), np.zeros(num_classes, np.float32)))


def centred_directions(rows: Rows) -> tuple[Shift, Normalise]:
    """Layers that take the mean of the rows away and scale each row to length 1."""
    return Shift(-rows.moments[0].astype(np.float32)), Normalise()


def directed_class_sums(
    directions: Sequence[Layer], X: Features, y: Integers, num_classes: int
) -> Floats:
    """float64 [C, D]: the sum of each class's rows after the layers, without holding them all."""
    sums = np.zeros((num_classes, X.shape[1]))
    for some in blocks(len(X)):
        found = run(directions, X[some].astype(np.float32, copy=False))
        sums += class_sums(found, y[some], num_classes)
    return sums
