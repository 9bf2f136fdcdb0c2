"""Linear support vector machine: each class against the rest, all at once."""

from __future__ import annotations

import numpy as np

from headstart.heads import penalised
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import Integers, Reals, Rows
from headstart.layers import Layer


class LinearSVMHead(SpectralHead):
    """One-against-the-rest linear SVM with squared hinge loss on standardised features.

    Args:
        C: Weight of the losses against half the squared length of the coefficients, as in
            scikit-learn's ``LinearSVC``, whose intercept however is penalised and here is free.
            None: chosen among seven, by the share of mistakes among rows set aside, equals by
            their hinge loss.
        seed: Draws the rows set aside.

    Attributes:
        C_: The value used.
    """

    def __init__(self, C: float | None = None, seed: int = 0) -> None:
        self.C = C
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        penalty = None if self.C is None else 1 / self.C
        fitted = penalised.fit(_PROBLEM, rows.spectrum, y, groups, penalty, self.seed)
        self.C_, self._temperature = 1 / fitted.penalty, fitted.temperature
        return (rows.spectrum.affine(fitted.rule.coefficients, fitted.rule.intercept),)

    def fit_some(self, rows: Rows, kept: Integers, y: Integers) -> tuple[Layer, ...]:
        """As `SpectralHead` has it."""
        rule = penalised.fit_some(_PROBLEM, rows.spectrum, kept, y, 1 / self.C_)
        return (rows.spectrum.affine(rule.coefficients, rule.intercept),)

    def _calibrate(self, rows: Rows, y: Integers, groups: Integers | None) -> float:
        return self._temperature or super()._calibrate(rows, y, groups)


def squared_hinge_loss(scores: Reals, y: Integers) -> tuple[float, Reals]:
    """Summed ``max(0, 1 - score)^2`` at the row's class and ``max(0, 1 + score)^2`` elsewhere.

    Also its gradient [N, C]; overwrites the scores.
    """
    own = (np.arange(len(y)), y)
    scores[own] *= -1
    scores += 1
    np.maximum(scores, 0, out=scores)
    value = float(np.vdot(scores, scores))
    scores *= 2
    scores[own] *= -1
    return value, scores


def _mistakes_then_loss(scores: Reals, y: Integers) -> tuple[float, ...]:
    mistakes = float((scores.argmax(axis=1) != y).mean())
    return mistakes, squared_hinge_loss(scores, y)[0]


_PROBLEM = penalised.Problem(
    squared_hinge_loss,
    curvature=2.0,
    penalties=np.logspace(2, -1, 7),
    criterion=_mistakes_then_loss,
)
