"""A linear rule for one given penalty, found on the rows as they are.

What `spectrum` costs is worth it when many problems share it. One problem alone is solved before a
decomposition of many columns would be done: a few of the strongest directions, found from some of
the rows, bend the loss enough for a few dozen passes over them to do. Nothing of the rows' size is
kept beside them: they are standardised by what is multiplied with them.

Source:
    Halko, Martinsson, Tropp 2011, "Finding structure with randomness", algorithm 4.4, for the
    strongest directions; Böhning 1992 for the bound on the curvature, as in `penalised`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize

from headstart.heads.penalised import Problem, Rule
from headstart.heads.spectrum import Floats, Integers, Reals, Rows
from headstart.layers import Affine
from headstart.randomness import generator

_DIRECTIONS = 48
_SKETCHED_ROWS = 2048
# Of the largest slope at the start, which is smaller the more classes there are.
_TOLERANCE = 3e-4
# Where a pass has more products, scores that are right to a thousandth of their spread will do.
_MANY_PRODUCTS, _LOOSE_TOLERANCE = 1e9, 2e-3


@dataclass(frozen=True, eq=False)
class _Steps:
    """Multiplies coefficients [D, K] so that the loss is about equally steep along all of them."""

    strong: Reals
    strong_steps: Floats
    other_step: float

    def __call__(self, coefficients: Floats) -> Floats:
        along = (self.strong_steps - self.other_step)[:, None] * (self.strong.T @ coefficients)
        return np.asarray(self.other_step * coefficients + self.strong @ along)


def fit(problem: Problem, rows: Rows, y: Integers, penalty: float) -> Affine:
    """The best rule, as a layer on raw features.

    Args:
        problem: What is minimised, over standardised features.
        rows: float [N, D].
        y: int [N], class indices; every one from 0 to the largest occurs.
        penalty: Above 0.
    """
    mean, scale = rows.moments
    X = rows.X[:].astype(np.float32, copy=False)
    steps = _steps(problem, X, mean, scale, penalty)
    last_step = 1 / np.sqrt(problem.curvature * len(y))
    code = _code(int(y.max()) + 1)
    code32, folded = code.astype(np.float32), len(code) < code.shape[1]
    shrinkage = penalty * code[0] @ code[0]
    unit = problem.loss(np.zeros((len(y), code.shape[1])), y)[0]

    def unfolded(flat: Floats) -> Rule:
        table = flat.reshape(-1, len(code))
        return Rule(steps(table[:-1]), last_step * table[-1])

    def value_and_gradient(flat: Floats) -> tuple[float, Floats]:
        rule = unfolded(flat)
        scaled = rule.coefficients / scale[:, None]
        scores = X @ scaled.astype(np.float32)
        scores += (rule.intercept - mean @ scaled).astype(np.float32)
        value, slope = problem.loss(scores @ code32 if folded else scores, y)
        slope = slope @ code32.T if folded else slope
        total = slope.sum(axis=0, dtype=np.float64)
        pull = ((X.T @ slope).astype(np.float64) - np.outer(mean, total)) / scale[:, None]
        shrink = shrinkage * rule.coefficients
        value += 0.5 * float(np.vdot(rule.coefficients, shrink))
        gradient = np.vstack([steps(pull + shrink), last_step * total])
        return value / unit, gradient.ravel() / unit

    start = np.zeros((len(mean) + 1) * len(code))
    first = value_and_gradient(start)
    tolerance = _LOOSE_TOLERANCE if X.size * len(code) > _MANY_PRODUCTS else _TOLERANCE
    least = tolerance * float(np.abs(first[1].reshape(-1, len(code))[:-1]).max())
    found = scipy.optimize.minimize(
        lambda flat: value_and_gradient(flat) if flat.any() else first,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "maxfun": 2000, "gtol": least, "ftol": least**2},
    )
    best = unfolded(found.x)
    # The loss does not change when all scores of a row do: the intercept's mean is free.
    weight = best.coefficients / scale[:, None] @ code
    intercept = best.intercept @ code
    bias = intercept - intercept.mean() - mean @ weight
    return Affine(weight.astype(np.float32), bias.astype(np.float32))


def _code(num_classes: int) -> Floats:
    """From what is solved for to scores: of two classes, one is the other's negative."""
    return np.array([[-0.5, 0.5]]) if num_classes == 2 else np.eye(num_classes)


def _steps(problem: Problem, X: Reals, mean: Floats, scale: Floats, penalty: float) -> _Steps:
    random = generator(0, "strong directions")
    num_rows, dim = X.shape
    drawn = np.sort(random.permutation(num_rows)[:_SKETCHED_ROWS])
    some = ((X[drawn] - mean.astype(np.float32)) / scale.astype(np.float32)).astype(np.float32)
    span = random.standard_normal((dim, min(_DIRECTIONS, *some.shape)), dtype=np.float32)
    for _ in range(2):
        span = scipy.linalg.qr(some.T @ (some @ span), mode="economic", check_finite=False)[0]
    inside = some @ span
    eigenvalues, turn = scipy.linalg.eigh((inside.T @ inside).astype(np.float64))
    eigenvalues = eigenvalues.clip(0) * num_rows / len(drawn)
    # Standardised columns have a squared length of N each.
    others = max(num_rows * dim - eigenvalues.sum(), 0.0) / max(dim - len(eigenvalues), 1)
    bend = problem.curvature
    return _Steps(
        span @ turn.astype(np.float32),
        1 / np.sqrt(bend * eigenvalues + penalty),
        float(1 / np.sqrt(bend * others + penalty)),
    )
