"""Sets of classes that hold the true one in a stated share of cases.

Each class of a picture has a nonconformity: how strange it would be as the answer. That of the
true class is measured on held-out pictures; a new picture's set are the classes no stranger than
all but a few of those were.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Scores = npt.NDArray[np.float32]

METHODS = ("lac", "raps")
# With few classes the least ambiguous sets are the smallest; with many they may be empty or huge.
_MOST_FOR_LAC = 20
PENALTY, FREE_RANKS = 0.1, 1


def method_for(num_classes: int) -> str:
    """``"lac"`` up to 20 classes, ``"raps"`` above."""
    return "lac" if num_classes <= _MOST_FOR_LAC else "raps"


def nonconformity(p: Floats, method: str) -> Scores:
    """float32 [N, C] of probabilities float [N, C]: how strange each class would be.

    ``"lac"``: one less the probability. ``"raps"``: the probability of all classes up to and with
    this one, the most probable first, and 0.1 for each rank after the first; nothing is drawn.

    Source:
        Sadinle et al. 2019, "Least ambiguous set-valued classifiers"; Angelopoulos et al. 2021,
        "Uncertainty sets for image classifiers using conformal prediction", eq. 4 without U.
    """
    if method == "lac":
        return (1 - p.astype(np.float64)).astype(np.float32)
    order = np.argsort(-p, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1, dtype=np.float64)
    sums += PENALTY * np.maximum(0, np.arange(1, p.shape[1] + 1) - FREE_RANKS)
    found = np.empty(p.shape, dtype=np.float32)
    np.put_along_axis(found, order, sums.astype(np.float32), axis=1)
    return found


def threshold(scores: Floats, level: float) -> float:
    """The nonconformity up to which a class belongs to the set.

    Args:
        scores: float [N], nonconformity of the true class of held-out pictures, one of each group.
        level: The share of sets that shall hold the true class.

    Returns:
        The ceil((N + 1) level)-th smallest; infinite when there are fewer, see `highest_level`.
    """
    place = _place(len(scores), level)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else math.inf


def members(p: Floats, method: str, limit: float) -> npt.NDArray[np.bool_]:
    """Bool [N, C], which classes are in the set; the most probable one always is."""
    inside = nonconformity(p, method) <= np.float32(limit)
    inside[np.arange(len(p)), p.argmax(axis=1)] = True
    return np.asarray(inside)


def highest_level(num_scores: int) -> float:
    """Above this share a set must hold every class."""
    return num_scores / (num_scores + 1)


def coverage_deviation(num_scores: int, level: float) -> float:
    """How far the share that is reached may lie from ``level``: one standard deviation.

    The threshold rests on N held-out pictures, so the share follows Beta(N + 1 - l, l) with
    l = floor((N + 1)(1 - level)).

    Source: Vovk 2012, "Conditional validity of inductive conformal predictors", proposition 2a.
    """
    a = _place(num_scores, level)
    b = num_scores + 1 - a
    return math.sqrt(max(0, a * b) / ((a + b) ** 2 * (a + b + 1)))


def _place(num_scores: int, level: float) -> int:
    # A product such as 100 * 0.9 + 0.9 may come out a hair too large.
    return math.ceil((num_scores + 1) * level - 1e-9)
