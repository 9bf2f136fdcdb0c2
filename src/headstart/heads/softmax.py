"""Multinomial logistic regression with a quadratic penalty."""

from __future__ import annotations

import numpy as np

from headstart.heads import direct, penalised
from headstart.heads.calibration import fit_temperature, log_loss
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import Integers, Reals, Rows, Spectrum
from headstart.layers import Affine, Layer

# Numbers from which one given penalty is solved on the rows as they are, in float32.
_MANY = 1_000_000


class SoftmaxHead(SpectralHead):
    """Multinomial logistic regression on standardised features.

    Args:
        penalty: Minimised is the summed log loss plus half the penalty times the squared length
            of the coefficients (scikit-learn's ``C`` is its inverse). None: chosen among seven,
            from 3 to 0.003 times the mean eigenvalue of the standardised features' Gram matrix,
            by the log loss of rows set aside, after its own temperature.
        seed: Draws the rows set aside.

    Attributes:
        penalty_: The penalty used.
    """

    def __init__(self, penalty: float | None = None, seed: int = 0) -> None:
        self.penalty = penalty
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        if self.penalty is not None and len(y) * rows.X.shape[1] > _MANY:
            self.penalty_, self._temperature = self.penalty, None
            return (direct.fit(_PROBLEM, rows, y, self.penalty),)
        fitted = penalised.fit(_PROBLEM, rows.spectrum, y, groups, self.penalty, self.seed)
        self.penalty_, self._temperature = fitted.penalty, fitted.temperature
        return (_layer(rows.spectrum, fitted.rule),)

    def fit_some(self, rows: Rows, kept: Integers, y: Integers) -> tuple[Layer, ...]:
        """As `SpectralHead` has it."""
        rule = penalised.fit_some(_PROBLEM, rows.spectrum, kept, y, self.penalty_)
        return (_layer(rows.spectrum, rule),)

    def _calibrate(self, rows: Rows, y: Integers, groups: Integers | None) -> float:
        return self._temperature or super()._calibrate(rows, y, groups)


def softmax_loss(scores: Reals, y: Integers) -> tuple[float, Reals]:
    """Summed ``-log softmax(scores)[y]`` and its gradient [N, C]; overwrites the scores."""
    scores -= scores.max(axis=1, keepdims=True)
    own = (np.arange(len(y)), y)
    value = -scores[own].sum(dtype=np.float64)
    np.exp(scores, out=scores)
    sums = scores.sum(axis=1, keepdims=True)
    scores /= sums
    scores[own] -= 1
    return float(value + np.log(sums).sum(dtype=np.float64)), scores


def _layer(spectrum: Spectrum, rule: penalised.Rule) -> Affine:
    # The loss does not change when all scores of a row do: the intercept's mean is free.
    return spectrum.affine(rule.coefficients, rule.intercept - rule.intercept.mean())


def _calibrated_loss(scores: Reals, y: Integers) -> tuple[float, ...]:
    return (log_loss(scores, y, fit_temperature(scores, y)),)


_PROBLEM = penalised.Problem(
    softmax_loss, curvature=0.5, penalties=np.logspace(0.5, -2.5, 7), criterion=_calibrated_loss
)
