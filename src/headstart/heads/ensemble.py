"""Several heads as one: a weighted sum of their log probabilities, weighted by held-out rows.

Which linear head is best depends on the pictures, and a few hundred rows cannot tell; together
they are better than the one that would have been chosen (docs/panel.md). Only heads whose scores
are a product with the features take part: they add nothing that can be felt to a prediction.

Source:
    Heskes 1998, "Selecting weighting factors in logarithmic opinion pools"; Wolpert 1992,
    "Stacked generalization", for weights from held-out rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from headstart.heads.spectrum import Floats, Integers
from headstart.layers import Array, softmax64
from headstart.randomness import generator

ENSEMBLE = "ensemble"
MEMBERS = ("ridge", "softmax", "linear-svm", "nearest-mean", "discriminant")

# Weights are few: more rows would not change them.
_MOST_ROWS = 10_000
_MOST_SCORES = 20_000_000
# A member that counts for less than this share is left out.
_LEAST_SHARE = 0.02


def pool_weights(
    scores: Array, y: Integers, usable: npt.NDArray[np.bool_] | None = None, seed: int = 0
) -> Floats:
    """Weights for which the softmax of the weighted sum has the lowest log loss.

    They are 0 or more, and drawn towards equal shares as if one row asked for that: with a handful
    of rows they are nearly equal.

    Args:
        scores: float32 [K, N, C], log probabilities of K heads (but for a constant per row), of
            rows that these were not fitted on.
        y: int [N], class indices.
        usable: bool [N], the rows to find them on; None: all.
        seed: Draws the rows, where there are more than enough.

    Returns:
        float64 [K]; some are exactly 0.
    """
    every = np.arange(len(y)) if usable is None else np.flatnonzero(usable)
    rows = _enough_of(every, len(scores) * scores.shape[2], seed)
    some, labels = _centred(scores[:, rows]), y[rows]
    weights = _lowest_loss(some, labels)
    kept = weights > _LEAST_SHARE * weights.sum()
    if not kept.any():
        return np.full(len(scores), 1 / len(scores))
    weights[kept] = _lowest_loss(some[kept], labels)
    return np.asarray(np.where(kept, weights, 0))


def pooled(scores: Array, weights: Floats) -> Array:
    """float32 [N, C]: the weighted sum of scores [K, N, C]."""
    return np.asarray(np.tensordot(weights.astype(np.float32), scores, 1), dtype=np.float32)


def cross_fitted(
    scores: Array, y: Integers, folds: Integers, usable: npt.NDArray[np.bool_], seed: int = 0
) -> Array:
    """Pooled scores of each row, with weights that the rows of its fold had no part in.

    Args:
        scores: float32 [K, N, C], as for `pool_weights`.
        y: int [N], class indices.
        folds: int [N], the fold of each row.
        usable: bool [N], rows that weights may be found on.
        seed: As for `pool_weights`.

    Returns:
        float32 [N, C].
    """
    found = np.empty(scores.shape[1:], dtype=np.float32)
    for number in np.unique(folds):
        held = folds == number
        weights = pool_weights(scores, y, usable & ~held, seed)
        found[held] = pooled(scores[:, held], weights)
    return found


def _enough_of(rows: Integers, scores_a_row: int, seed: int) -> Integers:
    most = min(_MOST_ROWS, max(1, _MOST_SCORES // scores_a_row))
    if len(rows) <= most:
        return rows
    return np.sort(generator(seed, "ensemble").permutation(rows)[:most])


def _centred(scores: Array) -> Floats:
    return np.asarray(scores - scores.mean(axis=2, keepdims=True, dtype=np.float64))


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
