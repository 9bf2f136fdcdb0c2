"""When the classifier shall be unsure, from what it answered about held-out pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.heads.selection import CandidateScore
from headstart.layers import softmax
from headstart.metrics.abstention import Abstention
from headstart.model.familiarity import Familiarity
from headstart.model.out_of_fold import LEVEL, OutOfFold
from headstart.model.prediction import AMBIGUOUS_BELOW, threshold_text


def held_out_answers(
    chosen: CandidateScore,
    y: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    seen: Familiarity,
    seed: int,
) -> OutOfFold:
    """The chosen candidate's, with its temperature, about classes that its fit knew."""
    rows = np.flatnonzero(chosen.learnable)
    probabilities = softmax(chosen.scores[rows], chosen.temperature)
    return OutOfFold.of(probabilities, y[rows], groups[rows], seen.familiar[rows], seed)


def abstention(held_out: OutOfFold, max_error: float | None) -> Abstention:
    """The threshold for the error that was asked for, else the one that is always set.

    Raises:
        SettingError: The held-out pictures cannot show so small an error.
    """
    if max_error is None:
        return held_out.abstention_at(AMBIGUOUS_BELOW)
    return held_out.abstention(max_error)


def expected_of(expected: Abstention) -> dict[str, Any]:
    """Plain values, for the receipt and the bundle's record."""
    error = expected.error
    return {
        "max_error": expected.max_error,
        "confidence": None if expected.max_error is None else LEVEL,
        "num_images": expected.num_rows,
        "coverage": round(expected.coverage, 6),
        "coverage_interval": [round(end, 6) for end in expected.coverage_interval(LEVEL)],
        "error_when_answered": None if error is None else round(error, 6),
    }


def expectation(expected: Abstention) -> str:
    """The same in one line."""
    low, high = expected.coverage_interval(LEVEL)
    error = "" if expected.error is None else f", {100 * expected.error:.1f} % of them wrongly"
    return (
        f"unsure {threshold_text(expected.threshold)}: {100 * expected.coverage:.1f} % "
        f"({100 * low:.1f} – {100 * high:.1f}) of {expected.num_rows} held-out pictures "
        f"answered{error}"
    )
