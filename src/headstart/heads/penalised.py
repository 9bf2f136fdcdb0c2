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

from headstart.feature_rows import Features, some_of
from headstart.heads.calibration import fit_temperature
from headstart.heads.hold_out import hold_outs
from headstart.heads.spectrum import (
    Floats,
    Integers,
    Reals,
    Spectrum,
    times,
    transposed_times,
)
from headstart.randomness import generator

Loss = Callable[[Reals, Integers], tuple[float, Reals]]
"""Scores [N, C], which it may overwrite, and class indices [N] to the summed loss and its
gradient [N, C]."""

Criterion = Callable[[Reals, Integers], tuple[float, ...]]
"""Scores of rows set aside and their class indices to what is compared; the lowest wins."""

_EXACT = 100_000  # numbers
_MOST_SEARCH_ROWS = 10_000
# Ten times as much, and a weaker penalty often began and ended where the last one had stopped.
_SEARCH_TOLERANCE = 1e-2
_PATIENCE = 2


@dataclass(frozen=True, eq=False)
class Rule:
    """``rotated @ coefficients + intercept``: float64 [R, C] and [C]."""

    coefficients: Floats
    intercept: Floats

    def scores(self, rotated: Features) -> Reals:
        """Float [N, C] of rotated rows [N, R], in their precision."""
        dtype = rotated[:1].dtype
        scores = times(rotated, self.coefficients.astype(dtype))
        scores += self.intercept.astype(dtype)
        return scores


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised, and how its penalty is found.

    Args:
        loss: Convex in the scores.
        curvature: The largest second derivative of the loss in the scores.
        penalties: float64 [L], to choose from, largest first, in mean eigenvalues.
        criterion: Judges them on rows set aside.
    """

    loss: Loss
    curvature: float
    penalties: Floats
    criterion: Criterion


@dataclass(frozen=True, eq=False)
class Fitted:
    """The solution.

    Args:
        rule: For the spectrum's rotated rows.
        penalty: The one used.
        temperature: For the scores of the rows set aside; None if the penalty was given.
    """

    rule: Rule
    penalty: float
    temperature: float | None


def fit(
    problem: Problem,
    spectrum: Spectrum,
    y: Integers,
    groups: Integers | None,
    penalty: float | None,
    seed: int,
) -> Fitted:
    """Choose the penalty unless it is given, and minimise over all rows.

    Args:
        problem: What is minimised.
        spectrum: The rows.
        y: int [N], class indices; every one from 0 to the largest occurs.
        groups: int [N] or None, rows not to be parted when some are set aside.
        penalty: Above 0; None to choose.
        seed: Draws the rows set aside.
    """
    start, temperature = _zero(spectrum, y), None
    if penalty is None:
        penalty, start, temperature = _choose(problem, spectrum, y, groups, seed)
    rotated, tolerance = _precise(spectrum.rotated)
    rule = minimise(problem, rotated, y, spectrum.eigenvalues, penalty, start, tolerance)
    return Fitted(rule, penalty, temperature)


def fit_some(
    problem: Problem, spectrum: Spectrum, kept: Integers, y: Integers, penalty: float
) -> Rule:
    """The best rule for some of the rows, in the coordinates of all.

    Args:
        problem: What is minimised.
        spectrum: All rows.
        kept: int64 [M], which of them.
        y: int [M], class indices; every one from 0 to the largest occurs.
        penalty: Above 0.
    """
    rotated, tolerance = _precise(some_of(spectrum.rotated, kept))
    eigenvalues = spectrum.eigenvalues * len(kept) / len(spectrum.rotated)
    return minimise(problem, rotated, y, eigenvalues, penalty, _zero(spectrum, y), tolerance)


def minimise(
    problem: Problem,
    rotated: Features,
    y: Integers,
    eigenvalues: Floats,
    penalty: float,
    start: Rule,
    tolerance: float = 1e-6,
) -> Rule:
    """The best rule for one penalty.

    Args:
        problem: What is minimised.
        rotated: float [N, R]; scores and slopes have its precision, sums are in float64.
        y: int [N], class indices.
        eigenvalues: float64 [R], about the squared lengths of the columns of ``rotated``.
        penalty: Above 0.
        start: Where to begin: the nearer, the quicker.
        tolerance: The largest slope left, preconditioned, as a share of the coefficients' largest
            where all scores are 0: that one is smaller the more rows and classes there are.
    """
    # One more coordinate, unpenalised, for the intercept: a column of ones.
    bound = problem.curvature * np.append(eigenvalues, len(y))
    bound[:-1] += penalty
    steps = 1 / np.sqrt(bound)[:, None]
    unit, slope = problem.loss(np.zeros((len(y), len(start.intercept)), rotated[:1].dtype), y)
    # Of the coefficients alone: of many classes against the rest the intercept's is far larger.
    slopes = steps[:-1] * transposed_times(rotated, slope) / unit
    least = tolerance * float(np.abs(slopes).max(initial=0.0))

    def value_and_gradient(flat: Floats) -> tuple[float, Floats]:
        weights = steps * flat.reshape(len(steps), -1)
        coefficients, intercept = weights[:-1], weights[-1]
        value, slope = problem.loss(Rule(coefficients, intercept).scores(rotated), y)
        pull = transposed_times(rotated, slope).astype(np.float64) + penalty * coefficients
        gradient = np.vstack([pull, slope.sum(axis=0, dtype=np.float64)])
        value += 0.5 * penalty * float(np.vdot(coefficients, coefficients))
        return value / unit, (steps * gradient).ravel() / unit

    found = scipy.optimize.minimize(
        value_and_gradient,
        (np.vstack([start.coefficients, start.intercept]) / steps).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "maxfun": 2000, "gtol": least, "ftol": least**2},
    )
    weights = steps * found.x.reshape(len(steps), -1)
    return Rule(weights[:-1], weights[-1])


def _precise(rotated: Features) -> tuple[Features, float]:
    """Rows in the precision to work in, and the tolerance that goes with it.

    Beyond the smallest problems the last digits of the scores are not worth doubling the time.
    """
    if rotated.shape[0] * rotated.shape[1] <= _EXACT:
        return rotated, 1e-6
    return _single(rotated), 3e-4


def _single(rotated: Features) -> Features:
    """In float32, as what waits on the disk is already."""
    if isinstance(rotated, np.ndarray):
        return rotated.astype(np.float32, copy=False)
    return rotated


def _zero(spectrum: Spectrum, y: Integers) -> Rule:
    num_classes = int(y.max()) + 1
    return Rule(np.zeros((len(spectrum.eigenvalues), num_classes)), np.zeros(num_classes))


def _choose(
    problem: Problem, spectrum: Spectrum, y: Integers, groups: Integers | None, seed: int
) -> tuple[float, Rule, float | None]:
    """The penalty that does best on rows set aside, a rule to start from, and a temperature.

    The scale and the axes are those of all rows, labels only of the rows kept: the coordinates
    know nothing that could be learnt from labels. The search ends when two weaker penalties in a
    row did worse, and learns from no more than 10 000 rows.
    """
    penalties = spectrum.mean_eigenvalue * problem.penalties
    paths = [_Path(problem, spectrum, y, held, seed) for held in hold_outs(y, groups, seed)]
    if not paths:
        return float(penalties[len(penalties) // 2]), _zero(spectrum, y), None
    judged = np.concatenate([y[path.held] for path in paths])
    best: tuple[float, ...] = (np.inf,)
    worse = 0
    for penalty in penalties:
        scores = np.concatenate([path.advance(penalty) for path in paths])
        value = problem.criterion(scores.copy(), judged)
        worse += 1
        if value < best:
            best, worse = value, 0
            chosen = float(penalty), paths[0].rule, fit_temperature(scores, judged)
        if worse == _PATIENCE:
            break
    return chosen


class _Path:
    """One share set aside: solutions for smaller and smaller penalties, and their scores."""

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
        self.kept = _single(spectrum.rotated[kept])
        self.judged = _single(some_of(spectrum.rotated, np.flatnonzero(held)))
        self.y, self.eigenvalues = y[kept], spectrum.eigenvalues * len(kept) / len(y)
        self.rule = _zero(spectrum, y)

    def advance(self, penalty: float) -> Reals:
        """Scores of the rows set aside under the next penalty."""
        self.rule = minimise(
            self.problem,
            self.kept,
            self.y,
            self.eigenvalues,
            penalty,
            self.rule,
            _SEARCH_TOLERANCE,
        )
        return self.rule.scores(self.judged)
