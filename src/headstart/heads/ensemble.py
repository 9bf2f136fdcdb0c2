"""Several heads as one: a weighted sum of their log probabilities, weighted by held-out rows.

Which linear head is best depends on the pictures, and a few hundred rows cannot tell; together
they are better than the one that would have been chosen (docs/panel.md). Only heads whose scores
are a product with the features take part: next to the network's own products these are few.

Source:
    Heskes 1998, "Selecting weighting factors in logarithmic opinion pools"; Wolpert 1992,
    "Stacked generalization", for weights from held-out rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from headstart.heads.calibration import fit_temperature
from headstart.heads.spectrum import Floats, Integers
from headstart.layers import Array, softmax64
from headstart.randomness import generator

ENSEMBLE = "ensemble"
MEMBERS = ("ridge", "softmax", "linear-svm", "nearest-mean", "discriminant")

# Weights are few: more rows would not change them.
_MOST_ROWS = 10_000
_MOST_SCORES = 4_000_000
# A member that counts for less than this share is left out.
_LEAST_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What K heads answered about rows that they were not fitted on.

    Args:
        scores: K times float32 [N, C].
        temperatures: Of each head's scores.
    """

    scores: tuple[Array, ...]
    temperatures: tuple[float, ...]

    def judged_by(self, rows: Integers, y: Integers) -> HeldOut:
        """The same answers with the temperatures of these rows; of no rows, as they are."""
        if not len(rows):
            return self
        scores = self.scores
        return HeldOut(scores, tuple(fit_temperature(each[rows], y[rows]) for each in scores))

    def log_probabilities(self, rows: Integers) -> Floats:
        """float64 [K, rows, C], but for a constant per row: their mean over the classes is 0."""
        pairs = zip(self.scores, self.temperatures, strict=True)
        found = np.stack([scores[rows].astype(np.float64) / t for scores, t in pairs])
        return np.asarray(found - found.mean(axis=2, keepdims=True))

    def pooled(self, weights: Floats, rows: Integers) -> Array:
        """float32 [rows, C]: their sum, each by its weight."""
        total = np.zeros((len(rows), self.scores[0].shape[1]), dtype=np.float32)
        factors = weights / np.array(self.temperatures)
        for factor, scores in zip(factors, self.scores, strict=True):
            if factor:
                total += np.float32(factor) * scores[rows]
        return total


def pool_weights(held_out: HeldOut, y: Integers, rows: Integers, seed: int = 0) -> Floats:
    """Weights for which the softmax of the weighted sum has the lowest log loss.

    They are 0 or more, and drawn towards equal shares as if one row asked for that: with a handful
    of rows they are nearly equal.

    Args:
        held_out: Answers of K heads about N rows.
        y: int [N], class indices.
        rows: int [M], the rows to find them on.
        seed: Draws some of these, where they are more than enough.

    Returns:
        float64 [K]; some are exactly 0.
    """
    num_heads, num_classes = len(held_out.scores), held_out.scores[0].shape[1]
    drawn = _enough_of(rows, num_heads * num_classes, seed)
    some, labels = held_out.log_probabilities(drawn), y[drawn]
    weights = _lowest_loss(some, labels)
    kept = weights > _LEAST_SHARE * weights.sum()
    if not kept.any():
        return np.full(num_heads, 1 / num_heads)
    weights[kept] = _lowest_loss(some[kept], labels)
    return np.asarray(np.where(kept, weights, 0))


def cross_fitted(
    held_out: HeldOut, y: Integers, folds: Integers, usable: npt.NDArray[np.bool_], seed: int = 0
) -> Array:
    """Pooled scores of each row, with weights and temperatures that its fold had no part in.

    A head that happens to be right about the fold would else count for more there: on labels drawn
    by lot that alone was 2 points. (What is left is that the others' answers come from fits on this
    fold's rows.)

    Args:
        held_out: Answers of K heads about N rows.
        y: int [N], class indices.
        folds: int [N], the fold of each row.
        usable: bool [N], rows that weights may be found on.
        seed: As for `pool_weights`.

    Returns:
        float32 [N, C].
    """
    found = np.empty(held_out.scores[0].shape, dtype=np.float32)
    num_classes = held_out.scores[0].shape[1]
    for number in np.unique(folds):
        own, others = np.flatnonzero(folds == number), np.flatnonzero(usable & (folds != number))
        without = held_out.judged_by(_enough_of(others, num_classes, seed), y)
        found[own] = without.pooled(pool_weights(without, y, others, seed), own)
    return found


def _enough_of(rows: Integers, scores_a_row: int, seed: int) -> Integers:
    most = min(_MOST_ROWS, max(1, _MOST_SCORES // scores_a_row))
    if len(rows) <= most:
        return rows
    return np.sort(generator(seed, "ensemble").permutation(rows)[:most])


def _lowest_loss(scores: Floats, y: Integers) -> Floats:
    """float64 [K]: the minimum of a convex function; scores float64 [K, N, C], centred."""
    num_heads, num_rows = scores.shape[:2]
    if num_rows == 0:
        return np.full(num_heads, 1 / num_heads)
    own = scores[:, np.arange(num_rows), y]
    pull = num_heads / num_rows

    def loss(weights: Floats) -> tuple[float, Floats]:
        sums = np.tensordot(weights, scores, 1)
        probabilities = softmax64(sums)
        at_own = probabilities[np.arange(num_rows), y]
        losses = -np.log(np.maximum(at_own, np.finfo(np.float64).tiny))
        slope = np.einsum("knc,nc->k", scores, probabilities, optimize=True) - own.sum(axis=1)
        apart = weights - 1 / num_heads
        value = losses.mean() + pull * (apart @ apart)
        return float(value), slope / num_rows + 2 * pull * apart

    start = np.full(num_heads, 1 / num_heads)
    found = minimize(loss, start, jac=True, bounds=[(0, None)] * num_heads, method="L-BFGS-B")
    return np.asarray(found.x)
