"""The share of right answers: of all pictures, class by class, and without any skill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.metrics.confusion import confusion_matrix

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PerClass:
    """What can be said of each class; 0 where it is not defined.

    Args:
        precision: float64 [C], of the pictures given this class, the share that belong to it.
        recall: float64 [C], of the pictures of this class, the share that were found.
        f1: float64 [C], the harmonic mean of the two.
        support: int64 [C], the pictures of this class.
    """

    precision: Floats
    recall: Floats
    f1: Floats
    support: Indices


def accuracy(y: Indices, predicted: Indices) -> float:
    """The share of right answers."""
    return float(np.mean(y == predicted))


def balanced_accuracy(y: Indices, predicted: Indices, num_classes: int) -> float:
    """The mean recall of the classes that occur in ``y``: every class counts the same."""
    scores = per_class(y, predicted, num_classes)
    return float(scores.recall[scores.support > 0].mean())


def per_class(y: Indices, predicted: Indices, num_classes: int) -> PerClass:
    """Precision, recall, F1 and support of each class."""
    matrix = confusion_matrix(y, predicted, num_classes)
    hits, support, answers = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return PerClass(
        precision=_ratio(hits, answers),
        recall=_ratio(hits, support),
        f1=_ratio(2 * hits, support + answers),
        support=support,
    )


def majority_baseline(train_y: Indices, y: Indices) -> float:
    """The accuracy on ``y`` of always answering the most frequent class of ``train_y``."""
    return float(np.mean(y == np.bincount(train_y).argmax()))


def _ratio(numerator: Indices, denominator: Indices) -> Floats:
    return numerator / np.maximum(denominator, 1)
