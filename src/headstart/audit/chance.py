"""Which distances are too far, or too near, to be chance."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats = npt.NDArray[np.float64]

# Fewer than this are expected by chance in the whole set: what is called unusual.
UNUSUAL_BELOW = 0.05
_FEWEST = 20  # distances, to know how they spread
_NEAREST = 1e-6  # below it, distances of float32 features are rounding


def expected_by_chance(distances: npt.NDArray[Any], side: Literal["far", "near"]) -> Floats:
    """How many of N pictures would be as far (or as near) if nothing were unusual.

    The logarithm of cosine distances is nearly normal. Its centre and spread are taken from the
    median and the median deviation, which a few odd pictures do not move.

    Args:
        distances: float [N], 0 or more; infinite where unknown.
        side: Which tail.

    Returns:
        float64 [N], from 0 to N; N where unknown, and everywhere when there are too few
        distances to know, or they do not differ.
    """
    number = len(distances)
    known = np.isfinite(distances)
    logs = np.log(np.maximum(distances[known], _NEAREST))
    expected = np.full(number, float(number))
    if len(logs) < _FEWEST or (spread := 1.4826 * np.median(abs(logs - np.median(logs)))) == 0:
        return expected
    z = (logs - np.median(logs)) / spread
    expected[known] = number * ndtr(-z if side == "far" else z)
    return expected
