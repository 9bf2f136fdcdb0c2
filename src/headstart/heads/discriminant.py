"""Linear discriminant analysis with a shrunk covariance, on centred features of length 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from headstart.feature_rows import Features
from headstart.heads.centroid import centred_directions, directed_class_sums
from headstart.heads.head import Head
from headstart.heads.spectrum import Floats, Integers, Rows, blocks
from headstart.layers import Affine, Layer, run

# Keeps the covariance invertible when there are fewer rows than features and no shrinkage.
_LEAST_SHRINKAGE = 1e-6


class DiscriminantHead(Head):
    """Log posterior of classes that share one Gaussian shape (up to a constant per row).

    Args:
        shrinkage: From 0 (the covariance within classes as it is) to 1 (a sphere). None: the
            closed form of Ledoit and Wolf, on all rows less their class's mean.
        seed: Draws the rows that the temperature is fitted on.

    Attributes:
        shrinkage_: The value used.

    Source:
        Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
        matrices".
    """

    def __init__(self, shrinkage: float | None = None, seed: int = 0) -> None:
        self.shrinkage = shrinkage
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        directions = centred_directions(rows)
        counts = np.bincount(y)
        means = directed_class_sums(directions, rows.X, y, num_classes) / counts[:, None]
        # Fewer rows than features: their N x N products say the same, and are cheaper to invert.
        wide = len(y) < rows.X.shape[1]
        products, fourth = (_products if wide else _covariance)(directions, rows.X, y, means)
        self.shrinkage_ = (
            ledoit_wolf(fourth, products, rows.X.shape[1], len(y))
            if self.shrinkage is None
            else float(self.shrinkage)
        )
        shrinkage = max(self.shrinkage_, _LEAST_SHRINKAGE)
        if wide:
            near = _less_means(directions, rows.X, y, means)
            weight = _solve_wide(products, near, shrinkage, means.T)
        else:
            weight = _solve(products, shrinkage, means.T)
        bias = np.log(counts / len(y)) - 0.5 * np.einsum("cd,dc->c", means, weight)
        return (*directions, Affine(weight.astype(np.float32), bias.astype(np.float32)))


def ledoit_wolf(fourth: float, products: Floats, dim: int, num_rows: int) -> float:
    """The shrinkage towards a sphere that is best in expected squared error, 0 to 1.

    Args:
        fourth: Mean fourth power of the rows' lengths; their mean is 0.
        products: float64, of the rows, divided by N: the covariance [D, D], or between rows
            [N, N], whose square sum and trace are the same.
        dim: D.
        num_rows: N.
    """
    squared = float(np.vdot(products, products))
    spread = squared - np.trace(products) ** 2 / dim
    noise = (fourth - squared) / num_rows
    return float(np.clip(noise / spread, 0, 1)) if spread > 0 else 1.0


def _less_means(directions: Sequence[Layer], X: Features, y: Integers, means: Floats) -> Floats:
    """float64 [N, D]: directed rows less their class's mean."""
    return run(directions, X[:].astype(np.float32, copy=False)) - means[y]


def _products(
    directions: Sequence[Layer], X: Features, y: Integers, means: Floats
) -> tuple[Floats, float]:
    """Products of directed rows less their class's mean, [N, N], divided by N; as `_covariance`."""
    rows = _less_means(directions, X, y, means)
    products = rows @ rows.T / len(rows)
    return products, float((np.diag(products) ** 2).mean() * len(rows) ** 2)


def _covariance(
    directions: Sequence[Layer], X: Features, y: Integers, means: Floats
) -> tuple[Floats, float]:
    """Covariance of directed rows less their class's mean; their lengths' mean fourth power.

    Block by block; rows of length 1 are safe in float32, their sums are in float64.
    """
    covariance, fourth = np.zeros((X.shape[1], X.shape[1])), 0.0
    near = means.astype(np.float32)
    for some in blocks(len(X)):
        rows = run(directions, X[some].astype(np.float32, copy=False)) - near[y[some]]
        covariance += rows.T @ rows
        lengths = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
        fourth += float(lengths @ lengths)
    covariance /= len(X)
    return covariance, fourth / len(X)


def _solve(covariance: Floats, shrinkage: float, means: Floats) -> Floats:
    """The shrunk covariance's inverse times the class means [D, C]; overwrites the covariance."""
    sphere = float(np.trace(covariance) / len(covariance)) or 1.0
    shrunk = covariance
    shrunk *= 1 - shrinkage
    shrunk[np.diag_indices_from(shrunk)] += shrinkage * sphere
    return np.asarray(
        scipy.linalg.solve(shrunk, means, assume_a="pos", check_finite=False, overwrite_a=True)
    )


def _solve_wide(products: Floats, rows: Floats, shrinkage: float, means: Floats) -> Floats:
    """`_solve` with the covariance given by N rows [N, D] and their products [N, N].

    Source:
        Woodbury's identity: (a I + b R'R / N)^-1 = (I - b R' (a N I + b R R')^-1 R) / a.
    """
    num_rows, dim = rows.shape
    sphere = (float(np.trace(products) / dim) or 1.0) * shrinkage
    inner = products * (1 - shrinkage)
    inner[np.diag_indices_from(inner)] += sphere
    solved = scipy.linalg.solve(inner, rows @ means, assume_a="pos", check_finite=False)
    return np.asarray((means - (1 - shrinkage) / num_rows * (rows.T @ solved)) / sphere)
