"""When the classifier shall be unsure, from what it answered about held-out pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import SettingError
from headstart.heads.selection import CandidateScore
from headstart.layers import softmax
from headstart.metrics.abstention import Abstention, fewest_rows
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
    """The chosen candidate's, with its temperature.

    A row whose class its fit never saw is wrong however sure the answer is, and its class the last
    that a set would hold: nothing is promised as if there were no such pictures.
    """
    rows = np.flatnonzero(chosen.judged)
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


def must_be_attainable(max_error: float | None, groups: npt.NDArray[np.int64]) -> None:
    """Refuse at once what not even faultless answers could show.

    Args:
        max_error: As it was asked for.
        groups: int64 [N], of the training rows: one of each is held out and asked.

    Raises:
        SettingError: The pictures are too few.
    """
    number = len(np.unique(groups))
    if max_error is None or number > (least := fewest_rows(max_error, LEVEL)):
        return
    raise SettingError(
        f"an error of at most {100 * max_error:g} % cannot be shown with {number} held-out "
        "pictures, even without a single mistake",
        f"more than {least} pictures to learn from ({100 * LEVEL:g} % confidence)",
        "ask for a larger error, or fit on more pictures",
    )


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
        f"({100 * low:.1f} – {100 * high:.1f}) of {expected.num_rows} independent held-out "
        f"pictures answered{error}"
    )
