"""Linear rules under a convex loss and a quadratic penalty, in the coordinates of ``spectrum``.

Minimises ``sum of losses + penalty / 2 * squared length of the coefficients`` (scikit-learn's
``C`` is ``1 / penalty``; the intercept is free). The eigenvalues bound the curvature of the sum of
losses along each coordinate, and dividing by that bound makes all directions equally steep: a
diagonal preconditioner that is nearly the full one.

Source:
    Böhning 1992, "Multinomial logistic regression algorithm", for the bound on the softmax loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize

from headstart.heads.hold_out import hold_outs
from headstart.heads.spectrum import Floats, Integers, Spectrum
from headstart.randomness import generator

Loss = Callable[[Floats, Integers], tuple[float, Floats]]
"""Scores [N, C] and class indices [N] to the summed loss and its gradient [N, C]."""

Criterion = Callable[[Floats, Integers], tuple[float, ...]]
"""Scores of rows set aside and their class indices to what is compared; the lowest wins."""

_MOST_SEARCH_ROWS = 10_000
_SEARCH_TOLERANCE = 1e-3
_PATIENCE = 2


@dataclass(frozen=True, eq=False)
class Rule:
    """``rotated @ coefficients + intercept``: float64 [R, C] and [C]."""

    coefficients: Floats
    intercept: Floats

    def scores(self, rotated: Floats) -> Floats:
        """float64 [N, C] of rotated rows [N, R]."""
        return rotated @ self.coefficients + self.intercept


@dataclass(frozen=True)
class Problem:
    """What is minimised.

    Args:
        loss: Convex in the scores.
        curvature: The largest second derivative of the loss in the scores.
        num_classes: C.
    """

    loss: Loss
    curvature: float
    num_classes: int

    def start(self, spectrum: Spectrum) -> Rule:
        """All scores 0."""
        size = len(spectrum.eigenvalues)
        return Rule(np.zeros((size, self.num_classes)), np.zeros(self.num_classes))

    def minimise(
        self,
        rotated: Floats,
        y: Integers,
        eigenvalues: Floats,
        penalty: float,
        start: Rule,
        tolerance: float = 1e-6,
    ) -> Rule:
        """The best rule.

        Args:
            rotated: float64 [N, R].
            y: int [N], class indices.
            eigenvalues: float64 [R], about the squared lengths of the columns of ``rotated``.
            penalty: Above 0.
            start: Where to begin: the nearer, the quicker.
            tolerance: Of the gradient, as a share of the mean loss at score 0.
        """
        # One more coordinate, unpenalised, for the intercept: a column of ones.
        curvature = self.curvature * np.append(eigenvalues, len(y))
        curvature[:-1] += penalty
        steps = 1 / np.sqrt(curvature)[:, None]
        unit = self.loss(np.zeros((len(y), self.num_classes)), y)[0]

        def value_and_gradient(flat: Floats) -> tuple[float, Floats]:
            weights = steps * flat.reshape(len(steps), -1)
            coefficients, intercept = weights[:-1], weights[-1]
            value, slope = self.loss(rotated @ coefficients + intercept, y)
            gradient = np.vstack([rotated.T @ slope + penalty * coefficients, slope.sum(axis=0)])
            value += 0.5 * penalty * float(np.vdot(coefficients, coefficients))
            return value / unit, (steps * gradient).ravel() / unit

        found = scipy.optimize.minimize(
            value_and_gradient,
            (np.vstack([start.coefficients, start.intercept]) / steps).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 1000, "maxfun": 2000, "gtol": tolerance, "ftol": tolerance**2},
        )
        weights = steps * found.x.reshape(len(steps), -1)
        return Rule(weights[:-1], weights[-1])


def choose_penalty(
    problem: Problem,
    spectrum: Spectrum,
    y: Integers,
    groups: Integers | None,
    penalties: npt.NDArray[np.float64],
    criterion: Criterion,
    seed: int,
) -> tuple[float, Rule]:
    """The penalty that does best on rows set aside, and its rule to start from.

    The scale and the axes of all rows are used, labels only of those kept: the coordinates know
    nothing that could be learnt from labels. The search ends when two weaker penalties in a row
    did worse, and learns from no more than 10 000 rows.

    Args:
        problem: What is minimised.
        spectrum: The rows.
        y: int [N], class indices.
        groups: int [N] or None, not parted.
        penalties: Largest first; each solution starts from the one before.
        criterion: Judges the scores of the rows set aside.
        seed: Draws these rows.
    """
    paths = [_Path(problem, spectrum, y, held, seed) for held in hold_outs(y, groups, seed)]
    if not paths:
        return float(penalties[len(penalties) // 2]), problem.start(spectrum)
    judged = np.concatenate([y[path.held] for path in paths])
    tried: list[tuple[tuple[float, ...], int, Rule]] = []
    for position, penalty in enumerate(penalties):
        scores = np.concatenate([path.advance(penalty) for path in paths])
        tried.append((criterion(scores, judged), position, paths[0].rule))
        _, best, best_rule = min(tried, key=lambda attempt: attempt[:2])
        if position - best == _PATIENCE:
            break
    return float(penalties[best]), best_rule


class _Path:
    """One share set aside: solutions for smaller and smaller penalties, and what it gets."""

    def __init__(
        self,
        problem: Problem,
        spectrum: Spectrum,
        y: Integers,
        held: npt.NDArray[np.bool_],
        seed: int,
    ) -> None:
        kept = generator(seed, "search").permutation(np.flatnonzero(~held))[:_MOST_SEARCH_ROWS]
        self.problem, self.held = problem, held
        self.kept, self.judged = spectrum.rotated[kept], spectrum.rotated[held]
        self.y, self.eigenvalues = y[kept], spectrum.eigenvalues * len(kept) / len(y)
        self.rule = problem.start(spectrum)

    def advance(self, penalty: float) -> Floats:
        """Scores of the rows set aside under the next penalty."""
        self.rule = self.problem.minimise(
            self.kept, self.y, self.eigenvalues, penalty, self.rule, _SEARCH_TOLERANCE
        )
        return self.rule.scores(self.judged)
