"""Standardised features seen along the eigenvectors of their Gram matrix.

One decomposition serves every linear head: ridge regression is a division in these coordinates,
its leave-one-out predictions a few sums, and the curvature of logistic and hinge losses is
bounded by the same eigenvalues, which is the preconditioner of ``penalised``.

Few numbers are worked on in float64, many in float32, block by block: besides the features the
rotated rows are held, and the standardised ones where they are fewer than the features. Beyond
2 048 directions the leading ones stand for all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from headstart.feature_rows import Features, Room, room_beside
from headstart.layers import Affine, Layer, run
from headstart.randomness import generator

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.floating[Any]]
"""float64, or float32 where there are many."""

# A column that moves less than this share of its mean is constant to a float32 graph.
_CONSTANT = 1e-6
_EXACT = 4_000_000  # numbers up to which float64 costs little
_MOST_DIRECTIONS = 2048
_LARGEST_GRAM = 3072  # decomposed whole; of larger ones a sketch, which is as dear at this size
_MOST_SKETCHED_ROWS = 8192
_BLOCK = 2048  # rows worked on at a time


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The rows as ``rotated = root_weights * (X - mean) / scale @ basis``, its columns orthonormal.

    Args:
        mean: float64 [D], the (weighted) mean of the rows.
        scale: float64 [D], the standard deviation of the rows; 1 for constant columns.
        root_weights: float64 [N], square roots of the row weights, whose sum is N.
        eigenvalues: float64 [R], of the standardised rows' Gram matrix, all above 0.
        factors: Matrices whose product is the basis [D, R]: it is asked for its product with a
            few columns only.
        rotated: float [N, R], orthogonal columns of squared length ``eigenvalues``; where the rows
            wait on the disk, so do these.
    """

    mean: Floats
    scale: Floats
    root_weights: Floats
    eigenvalues: Floats
    factors: tuple[Reals, ...]
    rotated: Features

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Of the rotated rows."""
        return self.rotated[:1].dtype

    @property
    def mean_eigenvalue(self) -> float:
        """The scale that penalties are measured in; 1 if every column is constant."""
        return float(self.eigenvalues.mean()) if self.eigenvalues.size else 1.0

    def affine(self, coefficients: Reals, intercept: Reals) -> Affine:
        """A linear rule [R, C] on rotated rows, as a layer on raw features."""
        weight = coefficients
        for factor in reversed(self.factors):
            weight = factor @ weight.astype(factor.dtype)
        weight = weight / self.scale[:, None]
        bias = intercept - self.mean @ weight
        return Affine(weight.astype(np.float32), bias.astype(np.float32))


class Rows:
    """Training rows, decomposed at most once: heads fitted on the same rows share this.

    Args:
        X: float [N, D], finite.
    """

    def __init__(self, X: Features) -> None:
        self.X = X
        self._moments: tuple[Floats, Floats] | None = None
        self._spectrum: Spectrum | None = None
        self._behind: dict[object, Rows] = {}
        # Not ``functools.cached_property``: before Python 3.12 that has one lock for all
        # instances, and the folds, a thread each, would wait for one another.
        self._lock = threading.RLock()

    @property
    def moments(self) -> tuple[Floats, Floats]:
        """Mean and scale of the columns, float64 [D] each; the scale of constant ones is 1."""
        with self._lock:
            if self._moments is None:
                self._moments = moments(self.X)
            return self._moments

    @property
    def spectrum(self) -> Spectrum:
        """The decomposition with equal weights, computed on first use."""
        with self._lock:
            if self._spectrum is None:
                self._spectrum = decompose(self.X)
            return self._spectrum

    def behind(self, key: object, below: Sequence[Layer]) -> Rows:
        """These rows behind some layers, run on first use.

        Args:
            key: Names the layers.
            below: They are run on float32 rows.
        """
        with self._lock:
            if key not in self._behind:
                self._behind[key] = Rows(_run_all(below, self.X))
            return self._behind[key]


def _run_all(below: Sequence[Layer], X: Features) -> Features:
    width = run(below, X[:1].astype(np.float32, copy=False)).shape[1]
    found = room_beside(X, (len(X), width))
    for some in blocks(len(X)):
        found[some] = run(below, X[some].astype(np.float32, copy=False))
    return found


def moments(X: Features) -> tuple[Floats, Floats]:
    """Mean and standard deviation (1 for constant columns) of rows [N, D]: float64 [D] each."""
    mean = np.zeros(X.shape[1])
    for some in blocks(len(X)):
        mean += X[some].sum(axis=0, dtype=np.float64)
    mean /= len(X)
    squares = np.zeros(X.shape[1])
    for some in blocks(len(X)):
        squares += ((X[some] - mean) ** 2).sum(axis=0)
    scale = np.sqrt(squares / len(X))
    scale[scale <= _CONSTANT * np.abs(mean)] = 1.0
    return mean, scale


def decompose(X: Features, weights: Floats | None = None) -> Spectrum:
    """Standardise rows and rotate them onto the eigenvectors of their Gram matrix.

    Works on the smaller of the two Gram matrices, [D, D] or [N, N]. Directions without variance
    are dropped: no penalised linear rule uses them. Of more than 2 048 those of the most variance
    are kept; if both matrices are larger than 3 072, they are found from no more than 8 192 rows.

    Args:
        X: float [N, D], finite.
        weights: float64 [N], row weights that sum to N; None for equal ones. They move the
            mean and the Gram matrix; the scale stays the plain standard deviation.

    Source:
        Halko, Martinsson, Tropp 2011, "Finding structure with randomness", algorithm 4.4, for
        the leading directions.
    """
    rows = _standardised(X, weights)
    if min(X.shape) > _LARGEST_GRAM:
        eigenvalues, factors, rotated = _leading(rows)
    elif len(X) >= X.shape[1]:
        eigenvalues, vectors = _eigen(_gram(rows.blocks(), X.shape[1]), rows)
        factors = (vectors.astype(rows.dtype),)
        rotated = _rotate(rows, *factors)
    else:
        whole = np.concatenate(list(rows.blocks()))
        eigenvalues, left = _eigen(np.asarray(whole @ whole.T, dtype=np.float64), rows)
        lengths = np.sqrt(eigenvalues)
        factors = (whole.T, (left / lengths).astype(rows.dtype))
        rotated = (left * lengths).astype(rows.dtype)
    return Spectrum(rows.mean, rows.scale, rows.root_weights, eigenvalues, factors, rotated)


def times(rotated: Features, coefficients: Reals) -> Reals:
    """Rows [N, R] times coefficients [R, C]: float [N, C], block by block if not in memory."""
    if isinstance(rotated, np.ndarray):
        return np.asarray(rotated @ coefficients)
    found = np.empty((len(rotated), coefficients.shape[1]), coefficients.dtype)
    for some in blocks(len(rotated)):
        np.matmul(rotated[some], coefficients, out=found[some])
    return found


def transposed_times(rotated: Features, slope: Reals) -> Reals:
    """The transpose of rows [N, R] times [N, C]: float [R, C], block by block if not in memory."""
    if isinstance(rotated, np.ndarray):
        return np.asarray(rotated.T @ slope)
    found = np.zeros((rotated.shape[1], slope.shape[1]))
    for some in blocks(len(rotated)):
        found += rotated[some].T @ slope[some]
    return found


def class_sums(
    rows: Features, y: Integers, num_classes: int, weights: Floats | None = None
) -> Floats:
    """float64 [C, D]: the (weighted) sum of each class's rows [N, D]."""
    values = np.ones(len(y)) if weights is None else weights
    sums = np.zeros((num_classes, rows.shape[1]))
    for some in blocks(len(rows)):
        own = y[some]
        members = scipy.sparse.csr_array(
            (values[some], (own, np.arange(len(own)))), (num_classes, len(own))
        )
        sums += members @ rows[some].astype(np.float64, copy=False)
    return sums


def blocks(num_rows: int) -> Iterator[slice]:
    """Slices of at most 2 048 rows each."""
    return (slice(start, start + _BLOCK) for start in range(0, num_rows, _BLOCK))


@dataclass(frozen=True, eq=False)
class _Standardised:
    """Rows that are standardised and weighted when they are asked for, never all at once."""

    X: Features
    mean: Floats
    scale: Floats
    root_weights: Floats
    dtype: type[np.floating[Any]]

    def blocks(self) -> Iterator[Reals]:
        return (self[some] for some in blocks(len(self.X)))

    def __getitem__(self, some: slice | Integers) -> Reals:
        rows = self.X[some].astype(self.dtype, copy=False) - self.mean.astype(self.dtype)
        rows /= self.scale.astype(self.dtype)
        rows *= self.root_weights[some, None].astype(self.dtype)
        return rows


def _standardised(X: Features, weights: Floats | None) -> _Standardised:
    mean, scale = moments(X)
    if weights is not None:
        mean = np.zeros(X.shape[1])
        for some in blocks(len(X)):
            mean += weights[some] @ X[some]
        mean /= weights.sum()
    root_weights = np.ones(len(X)) if weights is None else np.sqrt(weights)
    dtype = np.float64 if len(X) * X.shape[1] <= _EXACT else np.float32
    return _Standardised(X, mean, scale, root_weights, dtype)


def _gram(parts: Iterator[Reals], dim: int) -> Floats:
    gram = np.zeros((dim, dim))
    for rows in parts:
        gram += rows.T @ rows
    return gram


def _rotate(rows: _Standardised, basis: Reals) -> Room:
    shape = (len(rows.X), basis.shape[1])
    is_exact = rows.dtype is np.float64
    rotated = np.empty(shape) if is_exact else room_beside(rows.X, shape)
    for some in blocks(len(rotated)):
        rotated[some] = rows[some] @ basis
    return rotated


def _eigen(gram: Floats, rows: _Standardised) -> tuple[Floats, Floats]:
    # Numpy's, not scipy's: it lets other threads work meanwhile.
    eigenvalues, vectors = np.linalg.eigh(gram)
    # Float32 sums err at random, float64 eigenvectors by what the algorithm promises.
    noise = 16 if rows.dtype is np.float32 else max(rows.X.shape)
    kept = eigenvalues > eigenvalues.max(initial=0.0) * noise * np.finfo(rows.dtype).eps
    kept[:-_MOST_DIRECTIONS] = False  # they rise
    return eigenvalues[kept], vectors[:, kept]


def _leading(rows: _Standardised) -> tuple[Floats, tuple[Reals, ...], Features]:
    """Eigenvalues, factors of the basis and rotated rows of the directions with the most variance.

    A span is found from some of the rows; inside it the directions are those of all rows.
    """
    span = _span(rows)
    inside = _rotate(rows, span)
    parts = (inside[some] for some in blocks(len(inside)))
    eigenvalues, vectors = _eigen(_gram(parts, inside.shape[1]), rows)
    turn = vectors.astype(rows.dtype)
    rotated = _with_columns(inside, len(eigenvalues))
    for some in blocks(len(inside)):
        rotated[some] = inside[some] @ turn
    return eigenvalues, (span, turn), rotated


def _with_columns(inside: Room, num_columns: int) -> Room:
    """The same place, or another on the disk where columns are too many there."""
    if isinstance(inside, np.ndarray):
        return inside[:, :num_columns]
    shape = (len(inside), num_columns)
    return inside if inside.shape == shape else room_beside(inside, shape)


def _span(rows: _Standardised) -> Reals:
    """Orthonormal columns, float [D, 2048]: a random span, twice multiplied by the Gram matrix."""
    random = generator(0, "span")
    num_rows, dim = rows.X.shape
    drawn = np.sort(random.permutation(num_rows)[:_MOST_SKETCHED_ROWS])
    span = random.standard_normal((dim, _MOST_DIRECTIONS), dtype=np.float32).astype(rows.dtype)
    for _ in range(2):
        stretched = np.zeros_like(span)
        for some in blocks(len(drawn)):
            part = rows[drawn[some]]
            stretched += part.T @ (part @ span)
        span = np.linalg.qr(stretched)[0]
    return span
