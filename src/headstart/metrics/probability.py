"""Whether the probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.floating[Any]]

_MOST_BINS, _LEAST_IN_A_BIN = 15, 50


@dataclass(frozen=True, eq=False)
class Reliability:
    """Answers sorted by how sure they were, in bins; a bin without answers is left out.

    Args:
        confidence: float64 [B], the mean probability of the answers in the bin, rising.
        accuracy: float64 [B], the share of them that is right.
        count: int64 [B], how many they are.
    """

    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    count: Indices


def log_loss(y: Indices, p: Probabilities) -> float:
    """The mean of -log(probability of the true class), in nats.

    Probabilities are kept one machine epsilon of their type away from 0 and 1, so that a single
    confident mistake costs much (36 nats in float64) but not everything.
    """
    epsilon = np.finfo(p.dtype).eps
    given = p[np.arange(len(y)), y].astype(np.float64)
    return float(-np.log(np.clip(given, epsilon, 1 - epsilon)).mean())


def reliability(y: Indices, p: Probabilities, bins: int = 15) -> Reliability:
    """Confidence against accuracy in at most ``bins`` bins of equal mass.

    The confidence is the probability of the answer, the most probable class. Equal mass means
    that the edges are quantiles of the confidences; answers that are equally sure share a bin,
    so that the order of the rows does not matter.
    """
    confidence = p.max(axis=1).astype(np.float64)
    edges = np.sort(confidence)[len(y) * np.arange(1, bins) // bins]
    place = np.searchsorted(edges, confidence, side="right")
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    return Reliability(
        confidence=np.bincount(place, confidence, bins)[filled] / count[filled],
        accuracy=np.bincount(place, p.argmax(axis=1) == y, bins)[filled] / count[filled],
        count=count[filled],
    )


def calibration_error(y: Indices, p: Probabilities, bins: int | None = None) -> float:
    """Expected calibration error of the answers, with bins of equal mass.

    The mean distance between confidence and accuracy, over the bins of ``reliability``. Chance
    alone makes it larger than 0, the more so the fewer rows a bin holds. So there are 15 bins where
    each holds 50 rows or more, and otherwise fewer, down to two: what is too sure in one place and
    too modest in another is then seen less well, and sets of different size do not compare.

    Source: Nguyen and O'Connor 2015 (equal-mass bins); Guo et al. 2017, eq. 3.
    """
    curve = reliability(y, p, bins or min(_MOST_BINS, max(2, len(y) // _LEAST_IN_A_BIN)))
    gap = np.abs(curve.accuracy - curve.confidence)
    return float(np.average(gap, weights=curve.count))
