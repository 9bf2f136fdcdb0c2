"""Ridge regression on one-hot targets, its penalty chosen by exact leave-one-out.

In the coordinates of ``spectrum`` every penalty's solution is a division, and the prediction for
a row by the model fitted without it needs no refit:

    left_out_i = y_i - (y_i - fitted_i) / (1 - h_i)              one row
    left_out_G = Y_G - (I - H_GG)^-1 (Y_G - fitted_G)            all rows of a group at once

with H the matrix that maps targets to fitted values. A group of about as many rows as there are
directions is cheaper left out by a refit: one decomposition without it serves all penalties. The
intercept is not penalised and is left out too; the columns' scale stays that of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headstart.heads.calibration import fit_temperature, log_loss
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import (
    Floats,
    Integers,
    Reals,
    Rows,
    Spectrum,
    blocks,
    class_sums,
    decompose,
)
from headstart.layers import Array, Layer
from headstart.randomness import generator

_RELATIVE_PENALTIES = np.logspace(-3, 4, 20)
_MOST_JUDGED_ROWS = 10_000
_MOST_SCORES = 40_000_000  # of judged rows, for all penalties together
_COLUMNS = 256  # right-hand sides in one product
_BATCH = 4_000_000  # numbers in one batch of groups
_SMALL_GROUP = 100  # rows; refits would be many, and a batch of such groups is no work


@dataclass(frozen=True, eq=False)
class RidgePath:
    """Ridge regression of one-hot targets for any penalty.

    Args:
        spectrum: The rows.
        y: int [N], class indices.
        num_classes: C.
        groups: int [N], rows left out together; None if each alone.
    """

    spectrum: Spectrum
    y: Integers
    num_classes: int
    groups: Integers | None = None

    @cached_property
    def intercept(self) -> Floats:
        """float64 [C], the (weighted) class shares: rotated rows have mean 0."""
        weights = self.spectrum.root_weights**2
        shares = np.bincount(self.y, weights, self.num_classes) / weights.sum()
        return np.asarray(shares, dtype=np.float64)

    def coefficients(self, penalty: float) -> Floats:
        """float64 [R, C], on rotated rows."""
        return self.projected / (self.spectrum.eigenvalues + penalty)[:, None]

    def left_out(self, penalties: Floats, rows: Integers | None = None) -> Iterator[Array]:
        """Each row's scores by the model that never saw its group, for one penalty after another.

        Args:
            penalties: float64 [L], above 0.
            rows: int64 [M], whose scores are asked for, whole groups; None for all.

        Returns:
            L times float32 [M, C].
        """
        rows = np.arange(len(self.y)) if rows is None else rows
        judged = _Judged(self, rows)
        refits = [(members, judged.refitted(members, penalties)) for members in judged.large]
        at_once = max(1, _COLUMNS // self.num_classes)
        for start in range(0, len(penalties), at_once):
            some = penalties[start : start + at_once]
            for position, scores in enumerate(judged.scores(some), start):
                for members, found in refits:
                    scores[members] = found[position]
                yield scores

    @cached_property
    def projected(self) -> Floats:
        """float64 [R, C], the rotated rows times their targets."""
        spectrum = self.spectrum
        return class_sums(spectrum.rotated, self.y, self.num_classes, spectrum.root_weights).T


class _Judged:
    """Rows whose scores by models without them are asked for."""

    def __init__(self, path: RidgePath, rows: Integers) -> None:
        self.path, self.y = path, path.y[rows]
        everything = len(rows) == len(path.y)
        self.rotated = path.spectrum.rotated if everything else path.spectrum.rotated[rows]
        self.root = path.spectrum.root_weights[rows]
        self.batches: list[Integers] = []
        self.large: list[Integers] = []
        dim = self.rotated.shape[1]
        for members in () if path.groups is None else _by_size(path.groups[rows], dim):
            if members.shape[1] > max(_SMALL_GROUP, dim // 2):
                self.large += list(members)
            else:
                self.batches.append(members)

    def scores(self, penalties: Floats) -> Iterator[Array]:
        """Float32 [M, C] for each of the penalties: the products of all are one.

        Rows of large groups are left out alone: they wait for what is `refitted`.
        """
        inverses = 1 / (self.path.spectrum.eigenvalues[:, None] + penalties)
        rules = np.hstack([self.path.coefficients(penalty) for penalty in penalties])
        fitted, leverages = self._products(rules, inverses)
        for position, inverse in enumerate(inverses.T):
            start = position * self.path.num_classes
            residual = -self.path.intercept - fitted[:, start : start + self.path.num_classes]
            residual[np.arange(len(self.y)), self.y] += 1
            scores = -self._corrected(residual, leverages[:, position], inverse)
            scores[np.arange(len(self.y)), self.y] += 1
            yield scores.astype(np.float32)

    def _products(self, rules: Floats, inverses: Floats) -> tuple[Reals, Floats]:
        """Fitted values without the intercept [M, L * C], and the hat matrix's diagonal [M, L]."""
        dtype = self.path.spectrum.dtype
        rules, inverses = rules.astype(dtype), inverses.astype(dtype)
        fitted = np.empty((len(self.y), rules.shape[1]), dtype)
        leverages = np.empty((len(self.y), inverses.shape[1]))
        for some in blocks(len(self.y)):
            block = self.rotated[some]
            fitted[some] = block @ rules / self.root[some, None]
            leverages[some] = block**2 @ inverses
        return fitted, leverages + self.root[:, None] ** 2 / len(self.path.y)

    def _corrected(self, residual: Floats, leverage: Floats, inverse: Floats) -> Floats:
        """Residuals of the fit to residuals of the models without the row's group."""
        corrected = residual / (1 - leverage)[:, None]
        root_inverse = np.sqrt(inverse).astype(self.path.spectrum.dtype)
        for members in self.batches:
            found = self.rotated[members.ravel()]
            rows = found.reshape(*members.shape, -1) * root_inverse
            own = self.root[members][:, :, None]
            hat = rows @ rows.swapaxes(1, 2) + own * own.swapaxes(1, 2) / len(self.path.y)
            solved = np.linalg.solve(np.eye(hat.shape[1]) - hat, own * residual[members])
            corrected[members] = solved / own
        return corrected

    def refitted(self, members: Integers, penalties: Floats) -> Array:
        """Float32 [L, n, C], the scores of a group's rows by the fits to all other rows."""
        gram, mean, targets, shares = self._without(members)
        eigenvalues, vectors = np.linalg.eigh(gram)
        projected = vectors.T @ targets
        found = np.empty((len(penalties), len(members), len(shares)), np.float32)
        for position, penalty in enumerate(penalties):
            rule = vectors @ (projected / (eigenvalues.clip(0) + penalty)[:, None])
            intercept, rule = shares - mean @ rule, rule.astype(self.path.spectrum.dtype)
            for some in blocks(len(members)):
                scores = self.rotated[members[some]] @ rule / self.root[members[some], None]
                found[position, some] = scores + intercept
        return found

    def _without(self, members: Integers) -> tuple[Floats, Floats, Floats, Floats]:
        """Of all rows but a group's: Gram matrix, mean, products with targets, class shares."""
        path, y, root = self.path, self.y[members], self.root[members]
        gram, sums = np.diag(path.spectrum.eigenvalues), path.projected.T.copy()
        total = np.zeros(len(gram))  # of all rows it is 0
        for some in blocks(len(members)):
            part = self.rotated[members[some]]
            gram -= part.T @ part
            sums -= class_sums(part, y[some], path.num_classes, root[some])
            total -= root[some] @ part
        weight = len(path.y) - float(root @ root)
        counts = np.bincount(y, root**2, path.num_classes)
        shares = (len(path.y) * path.intercept - counts) / weight
        mean, targets = _centred(gram, sums, total, weight, shares)
        return gram, mean, targets, shares


def _by_size(groups: Integers, dim: int) -> Iterator[Integers]:
    """Groups of more than one row, those of one size together: int [groups, size] each."""
    _, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(member, kind="stable")
    starts = np.cumsum(counts) - counts
    for size in np.unique(counts[counts > 1]):
        rows = order[starts[counts == size][:, None] + np.arange(size)]
        batch = max(1, _BATCH // (size * max(1, dim)))
        yield from (rows[start : start + batch] for start in range(0, len(rows), batch))


class RidgeHead(SpectralHead):
    """Ridge regression on one-hot targets: the fastest head, and exactly judged.

    The penalty is the one whose leave-one-out (or leave-group-out) scores have the lowest log
    loss after their own temperature. That is smoother than counting mistakes: choosing by
    accuracy cost 0.2 points, the largest penalty within one standard error 0.6 points of accuracy
    (means over four picture sets, two feature sets, 10 to 400 pictures a class).

    Args:
        penalties: To choose from, added to the eigenvalues of the standardised features' Gram
            matrix; one value fixes it. None: 20 from 0.001 to 10 000 times the mean eigenvalue.
        balanced: Give each class the same total weight.

    Attributes:
        penalties_: float64 [L], those compared.
        penalty_: The chosen one.
        loo_scores_: float32 [N, C], each training row's scores by the model fitted without it
            (and without the rest of its group, unless that is all rows).
        loo_temperature_: The one for these scores.
        loo_accuracies_: float64 [L], share of rows that these get right, for each penalty (of
            10 000 rows, or fewer if there are thousands of classes, drawn where there are more).

    Source:
        Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", eq. 7.64 (one row);
        the same identity with a block of H for a group.
    """

    def __init__(self, penalties: Sequence[float] | None = None, balanced: bool = False) -> None:
        self.penalties = penalties
        self.balanced = balanced

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        spectrum = decompose(rows.X, _equal_classes(y)) if self.balanced else rows.spectrum
        path = RidgePath(spectrum, y, num_classes, _groups_to_leave_out(groups))
        self.penalties_ = (
            spectrum.mean_eigenvalue * _RELATIVE_PENALTIES
            if self.penalties is None
            else np.asarray(self.penalties, dtype=np.float64)
        )
        self._choose(path, y)
        return (spectrum.affine(path.coefficients(self.penalty_), path.intercept),)

    def fit_some(self, rows: Rows, kept: Integers, y: Integers) -> tuple[Layer, ...]:
        """As `SpectralHead` has it; rows count alike."""
        coefficients, intercept = _solved(rows.spectrum, kept, y, self.penalty_)
        return (rows.spectrum.affine(coefficients, intercept),)

    def _choose(self, path: RidgePath, y: Integers) -> None:
        judged = _judged_rows(y, path.groups, len(self.penalties_) * path.num_classes)
        self.loo_accuracies_ = np.empty(len(self.penalties_))
        lowest = np.inf
        for position, scores in enumerate(path.left_out(self.penalties_, judged)):
            self.loo_accuracies_[position] = (scores.argmax(axis=1) == y[judged]).mean()
            temperature = fit_temperature(scores, y[judged])
            loss = log_loss(scores, y[judged], temperature)
            if loss <= lowest:
                lowest, self.penalty_ = loss, float(self.penalties_[position])
                self.loo_scores_, self.loo_temperature_ = scores, temperature
        if len(judged) < len(y):
            (self.loo_scores_,) = path.left_out(np.array([self.penalty_]))

    def _calibrate(self, rows: Rows, y: Integers, groups: Integers | None) -> float:
        return self.loo_temperature_


def _solved(
    spectrum: Spectrum, kept: Integers, y: Integers, penalty: float
) -> tuple[Floats, Floats]:
    """Coefficients [R, C] and intercept [C] of some rows: their Gram matrix is not diagonal.

    That of all rows is, so only the products of those left out are to be computed: they are fewer.
    """
    num_rows, num_classes = len(kept), int(y.max()) + 1
    gram = np.diag(spectrum.eigenvalues)
    left = np.setdiff1d(np.arange(len(spectrum.rotated)), kept)
    for some in blocks(len(left)):
        part = spectrum.rotated[left[some]]
        gram -= part.T @ part
    dim = len(gram)
    sums, total = np.zeros((num_classes, dim)), np.zeros(dim)
    for some in blocks(num_rows):
        part = spectrum.rotated[kept[some]]
        total += part.sum(axis=0, dtype=np.float64)
        sums += class_sums(part, y[some], num_classes)
    shares = np.bincount(y) / num_rows
    mean, targets = _centred(gram, sums, total, num_rows, shares)
    gram[np.diag_indices(dim)] += penalty
    coefficients = np.asarray(np.linalg.solve(gram, targets), dtype=np.float64)
    return coefficients, shares - mean @ coefficients


def _centred(
    gram: Floats, sums: Floats, total: Floats, weight: float, shares: Floats
) -> tuple[Floats, Floats]:
    """The mean [R] of some rows, and their products with targets [R, C], both less their means.

    Args:
        gram: float64 [R, R], of the rows; their mean is taken off here.
        sums: float64 [C, R], of each class's rows.
        total: float64 [R], of all of them.
        weight: Of all of them.
        shares: float64 [C], of the classes in it.
    """
    mean = total / weight
    gram -= weight * np.outer(mean, mean)
    return mean, (sums - np.outer(shares, total)).T


def _equal_classes(y: Integers) -> Floats:
    counts = np.bincount(y)
    return len(y) / (len(counts) * counts[y])


def _groups_to_leave_out(groups: Integers | None) -> Integers | None:
    if groups is not None and len(np.unique(groups)) < 2:
        return None  # Nothing to learn from would be left: rows one by one are the next best.
    return groups


def _judged_rows(y: Integers, groups: Integers | None, num_columns: int) -> Integers:
    """int64 [M], the rows that penalties are judged by: all if they are few, whole groups."""
    most = min(_MOST_JUDGED_ROWS, max(1, _MOST_SCORES // num_columns))
    if len(y) <= most:
        return np.arange(len(y))
    member = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    order = generator(0, "judged").permutation(member.max() + 1)
    sizes = np.cumsum(np.bincount(member)[order])
    return np.flatnonzero(np.isin(member, order[: max(1, np.searchsorted(sizes, most))]))
