"""A fitted head as a short list of array operations.

Whatever a head learned, its scores are these few operations one after the other. That is why a
head can be saved as plain arrays, run without the library that fitted it, and be written into the
one graph that every door predicts from. ``run`` is the reference; ``model/graph`` writes the same
list as ONNX nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

TINY = np.float32(1e-12)


@dataclass(frozen=True, eq=False)
class Affine:
    """``x @ weight + bias``: weight float32 [D, K], bias float32 [K]."""

    weight: Array
    bias: Array

    def run(self, x: Array) -> Array:
        """float32 [N, D] to float32 [N, K]."""
        return np.asarray(x @ self.weight + self.bias, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Shift:
    """``x + offset``: offset float32 [D]."""

    offset: Array

    def run(self, x: Array) -> Array:
        """float32 [N, D] to the same shape."""
        return np.asarray(x + self.offset, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Root:
    """The square root of the absolute value, with the sign kept."""

    def run(self, x: Array) -> Array:
        """float32 [N, D] to the same shape."""
        roots = np.abs(x, dtype=np.float32)
        return np.copysign(np.sqrt(roots, out=roots), x, out=roots)


@dataclass(frozen=True, eq=False)
class Rectify:
    """``max(x, 0)``."""

    def run(self, x: Array) -> Array:
        """float32 [N, D] to the same shape."""
        return np.maximum(x, np.float32(0))


@dataclass(frozen=True, eq=False)
class Normalise:
    """Each row divided by its Euclidean length (rows of length 0 stay 0)."""

    def run(self, x: Array) -> Array:
        """float32 [N, D] to the same shape."""
        length = np.sqrt((x * x).sum(axis=1, keepdims=True, dtype=np.float32))
        return np.asarray(x / np.maximum(length, TINY), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Vote:
    """The ``neighbours`` rows of ``bank`` with the largest dot product vote for their class.

    Scores are the logarithm of each class's share of the votes, a vote's weight being
    ``exp(sharpness * (similarity - largest similarity))``; every class starts with ``prior``.

    Args:
        bank: float32 [M, D], usually rows of length 1.
        classes: int64 [M], the class index of each row of the bank.
        num_classes: C.
        neighbours: How many vote, at most M.
        sharpness: 0 gives every neighbour the same vote.
        prior: Added to every class's votes, so that no share is 0.
    """

    bank: Array
    classes: npt.NDArray[np.int64]
    num_classes: int
    neighbours: int
    sharpness: float
    prior: float = 1e-3

    def run(self, x: Array) -> Array:
        """float32 [N, D] to float32 [N, C]."""
        scores = np.empty((len(x), self.num_classes), dtype=np.float32)
        for start in range(0, len(x), 1024):
            scores[start : start + 1024] = self._run_block(x[start : start + 1024])
        return scores

    def _run_block(self, x: Array) -> Array:
        similarity = x @ self.bank.T
        nearest = np.argpartition(-similarity, self.neighbours - 1, axis=1)[:, : self.neighbours]
        value = np.take_along_axis(similarity, nearest, axis=1)
        weight = np.exp(self.sharpness * (value - value.max(axis=1, keepdims=True)))
        one_hot = np.eye(self.num_classes, dtype=np.float32)[self.classes[nearest]]
        votes = np.einsum("nk,nkc->nc", weight, one_hot) + self.prior
        return np.asarray(np.log(votes / votes.sum(axis=1, keepdims=True)), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Pool:
    """The weighted sum of the scores that several lists of layers give to columns of the features.

    Args:
        branches: The lists of layers.
        columns: First and behind the last column that each of them sees.
        weights: What its scores are multiplied by.
    """

    branches: tuple[tuple[Layer, ...], ...]
    columns: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]

    def run(self, x: Array) -> Array:
        """float32 [N, D] to float32 [N, C]."""
        return np.asarray(sum(self._weighted(x)), dtype=np.float32)

    def _weighted(self, x: Array) -> Iterator[Array]:
        for branch, seen, weight in zip(self.branches, self.columns, self.weights, strict=True):
            yield np.float32(weight) * run(branch, x[:, slice(*seen)])


Layer = Affine | Shift | Root | Rectify | Normalise | Vote | Pool
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Affine, Shift, Root, Rectify, Normalise, Vote, Pool)
}


def run(layers: Sequence[Layer], x: Array) -> Array:
    """Scores float32 [N, C] of features float32 [N, D]."""
    for layer in layers:
        x = layer.run(x)
    return x


def softmax(scores: Array, temperature: float = 1.0) -> Array:
    """Probabilities float32 [N, C] of scores float32 [N, C]; rows sum to 1."""
    return softmax64(scores.astype(np.float64) / temperature).astype(np.float32)


def softmax64(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same in full precision, without a temperature: float64 [N, C] to the same shape."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def to_plain(layers: Sequence[Layer]) -> tuple[list[dict[str, Any]], dict[str, npt.NDArray[Any]]]:
    """A JSON description and the arrays it names, ready to be saved."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    return _described(layers, "", arrays), arrays


def from_plain(
    described: Sequence[dict[str, Any]], arrays: dict[str, npt.NDArray[Any]]
) -> tuple[Layer, ...]:
    """The layers that ``to_plain`` described.

    Raises:
        KeyError: A kind or an array is not known.
    """
    return tuple(_layer_of(entry, arrays) for entry in described)


def _described(
    layers: Sequence[Layer], place: str, arrays: dict[str, npt.NDArray[Any]]
) -> list[dict[str, Any]]:
    """Entries; the arrays are added under keys that begin with the place."""
    entries = []
    for position, layer in enumerate(layers):
        own = f"{place}{position}."
        entry: dict[str, Any] = {"kind": type(layer).__name__}
        for name, value in vars(layer).items():
            if name == "branches":
                entry[name] = [_described(b, f"{own}{k}.", arrays) for k, b in enumerate(value)]
            elif isinstance(value, np.ndarray):
                arrays[own + name] = value
                entry[name] = {"array": own + name}
            else:
                entry[name] = value
        entries.append(entry)
    return entries


def _layer_of(entry: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Layer:
    values = {name: value for name, value in entry.items() if name != "kind"}
    for name, value in values.items():
        if name == "branches":
            values[name] = tuple(from_plain(branch, arrays) for branch in value)
        elif isinstance(value, dict):
            values[name] = arrays[value["array"]]
    layer: Layer = _KINDS[entry["kind"]](**values)
    return layer
