"""Linear support vector machine: one class against the rest, all at once."""

from __future__ import annotations

import numpy as np

from headstart.heads.head import Head
from headstart.heads.penalised import Problem, choose_penalty
from headstart.heads.spectrum import Floats, Integers, Rows
from headstart.layers import Layer

_RELATIVE_PENALTIES = np.logspace(2, -1, 7)


class LinearSVMHead(Head):
    """One-against-the-rest linear SVM with squared hinge loss on standardised features.

    Args:
        C: Weight of the losses against half the squared length of the coefficients, as in
            scikit-learn's ``LinearSVC``, whose intercept however is penalised and here is free.
            None: chosen among seven, by the share of mistakes among rows set aside,
            equals by their hinge loss.
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
        spectrum = rows.spectrum
        problem = Problem(squared_hinge_loss, curvature=2.0, num_classes=num_classes)
        if self.C is None:
            penalties = spectrum.mean_eigenvalue * _RELATIVE_PENALTIES
            penalty, start = choose_penalty(
                problem, spectrum, y, groups, penalties, _mistakes_then_loss, self.seed
            )
        else:
            penalty, start = 1 / self.C, problem.start(spectrum)
        self.C_ = 1 / penalty
        rule = problem.minimise(spectrum.rotated, y, spectrum.eigenvalues, penalty, start)
        return (spectrum.affine(rule.coefficients, rule.intercept),)


def squared_hinge_loss(scores: Floats, y: Integers) -> tuple[float, Floats]:
    """Summed ``max(0, 1 -+ score)^2`` and its gradient [N, C]; overwrites the scores."""
    own = (np.arange(len(y)), y)
    scores[own] *= -1
    scores += 1
    np.maximum(scores, 0, out=scores)
    value = float(np.vdot(scores, scores))
    scores *= 2
    scores[own] *= -1
    return value, scores


def _mistakes_then_loss(scores: Floats, y: Integers) -> tuple[float, ...]:
    mistakes = (scores.argmax(axis=1) != y).mean()
    return float(mistakes), squared_hinge_loss(scores, y)[0]
