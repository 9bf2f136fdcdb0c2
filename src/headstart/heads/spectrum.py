"""Standardised features seen along the eigenvectors of their Gram matrix.

One decomposition serves every linear head: ridge regression is a division in these coordinates,
its leave-one-out predictions a few sums, and the curvature of logistic and hinge losses is
bounded by the same eigenvalues, which is the preconditioner of ``penalised``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.sparse

from headstart.layers import Affine

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A column that moves less than this share of its mean is constant to a float32 graph.
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The rows as ``rotated = root_weights * (X - mean) / scale @ basis``.

    Args:
        mean: float64 [D], the (weighted) mean of the rows.
        scale: float64 [D], the standard deviation of the rows; 1 for constant columns.
        root_weights: float64 [N], square roots of the row weights, whose sum is N.
        eigenvalues: float64 [R], of the standardised rows' Gram matrix, all above 0.
        basis: float64 [D, R], orthonormal columns.
        rotated: float64 [N, R], orthogonal columns of squared length ``eigenvalues``.
    """

    mean: Floats
    scale: Floats
    root_weights: Floats
    eigenvalues: Floats
    basis: Floats
    rotated: Floats

    @property
    def mean_eigenvalue(self) -> float:
        """The scale that penalties are measured in; 1 if every column is constant."""
        return float(self.eigenvalues.mean()) if self.eigenvalues.size else 1.0

    def affine(self, coefficients: Floats, intercept: Floats) -> Affine:
        """A linear rule [R, C] on rotated rows, as a layer on raw features."""
        weight = self.basis @ coefficients / self.scale[:, None]
        bias = intercept - self.mean @ weight
        return Affine(weight.astype(np.float32), bias.astype(np.float32))


class Rows:
    """Training rows, decomposed at most once: heads fitted on the same rows share this.

    Args:
        X: float [N, D], finite.
    """

    def __init__(self, X: npt.NDArray[Any]) -> None:
        self.X = X

    @cached_property
    def spectrum(self) -> Spectrum:
        """The decomposition with equal weights, computed on first use."""
        return decompose(self.X)


def decompose(X: npt.NDArray[Any], weights: Floats | None = None) -> Spectrum:
    """Standardise rows and rotate them onto the eigenvectors of their Gram matrix.

    Works on the smaller of the two Gram matrices, [D, D] or [N, N]. Directions without variance
    are dropped: no penalised linear rule uses them.

    Args:
        X: float [N, D], finite.
        weights: float64 [N], row weights that sum to N; None for equal ones. They move the
            mean and the Gram matrix; the scale stays the plain standard deviation.
    """
    standardised, mean, scale = _standardise(X, weights)
    root_weights = np.ones(len(X)) if weights is None else np.sqrt(weights)
    if weights is not None:
        standardised *= root_weights[:, None]
    if len(X) >= X.shape[1]:
        eigenvalues, basis = _eigen(standardised.T @ standardised, max(X.shape))
        rotated = standardised @ basis
    else:
        eigenvalues, left = _eigen(standardised @ standardised.T, max(X.shape))
        lengths = np.sqrt(eigenvalues)
        basis, rotated = standardised.T @ (left / lengths), left * lengths
    return Spectrum(mean, scale, root_weights, eigenvalues, basis, rotated)


def class_sums(
    rows: npt.NDArray[Any], y: Integers, num_classes: int, weights: Floats | None = None
) -> Floats:
    """float64 [C, D]: the (weighted) sum of each class's rows [N, D]."""
    values = np.ones(len(y)) if weights is None else weights
    members = scipy.sparse.csr_array((values, (y, np.arange(len(y)))), (num_classes, len(y)))
    return np.asarray(members @ rows, dtype=np.float64)


def _standardise(X: npt.NDArray[Any], weights: Floats | None) -> tuple[Floats, Floats, Floats]:
    mean = X.mean(axis=0, dtype=np.float64)
    scale = X.std(axis=0, dtype=np.float64)
    scale[scale <= _CONSTANT * np.abs(mean)] = 1.0
    if weights is not None:
        mean = weights @ X / weights.sum()
    standardised = X.astype(np.float64)
    standardised -= mean
    standardised /= scale
    return standardised, mean, scale


def _eigen(gram: Floats, size: int) -> tuple[Floats, Floats]:
    eigenvalues, vectors = scipy.linalg.eigh(
        gram, driver="evd", overwrite_a=True, check_finite=False
    )
    kept = eigenvalues > eigenvalues.max(initial=0.0) * size * np.finfo(np.float64).eps
    return eigenvalues[kept], vectors[:, kept]
