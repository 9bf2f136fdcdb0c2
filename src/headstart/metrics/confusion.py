"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """Pictures of one class that were taken for another.

    Args:
        true: The class they belong to.
        predicted: The class they were given.
        count: How many.
        share: Of all pictures of the class they belong to.
    """

    true: str
    predicted: str
    count: int
    share: float


def confusion_matrix(y: Indices, predicted: Indices, num_classes: int) -> Indices:
    """Counts int64 [C, C]: a row for each true class, a column for each predicted one."""
    cells = np.bincount(y * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).astype(np.int64)


def largest_confusions(
    matrix: Indices, names: Sequence[str], most: int = 10
) -> tuple[Confusion, ...]:
    """The most frequent mistakes, most frequent first; among equals the larger share first."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = np.argwhere((matrix > 0) & ~np.eye(len(matrix), dtype=bool))
    ranked = sorted(wrong.tolist(), key=lambda cell: (-matrix[*cell], -share[*cell], cell))
    return tuple(
        Confusion(
            names[true],
            names[predicted],
            int(matrix[true, predicted]),
            float(share[true, predicted]),
        )
        for true, predicted in ranked[:most]
    )
