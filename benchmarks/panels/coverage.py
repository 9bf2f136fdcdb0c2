"""Whether a stated interval holds the true accuracy, which is itself only measured."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from headstart.metrics.intervals import Interval


@dataclass(frozen=True)
class Stated:
    """An accuracy with its interval."""

    accuracy: float
    low: float
    high: float

    @classmethod
    def of(cls, accuracy: float, interval: Interval) -> Stated:
        return cls(round(float(accuracy), 6), round(interval.low, 6), round(interval.high, 6))

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def contains(claim: Stated, truth: Stated) -> bool:
    """Whether the claim's interval contains the measured accuracy."""
    return claim.low <= truth.accuracy <= claim.high


def agrees(claim: Stated, truth: Stated) -> bool:
    """Whether the two differ by no more than both intervals allow: 0 lies in their difference's.

    The pictures that measure the truth are a sample too: of 1 000, at 90 %, ±1.9 points. A perfect
    interval of the claim would contain their accuracy in fewer than 95 % of cases, and be within
    this in 95 %.
    """
    low, high = difference(claim, truth)
    return low <= 0 <= high


def difference(first: Stated, second: Stated) -> tuple[float, float]:
    """The interval of a difference of two accuracies, each with its own.

    Source:
        Newcombe 1998, "Interval estimation for the difference between independent proportions",
        method 10.
    """
    middle = first.accuracy - second.accuracy
    below = math.hypot(first.accuracy - first.low, second.high - second.accuracy)
    above = math.hypot(first.high - first.accuracy, second.accuracy - second.low)
    return middle - below, middle + above
