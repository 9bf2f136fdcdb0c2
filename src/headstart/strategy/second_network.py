"""Does a second network beside the first pay? Both on frozen features, by exact leave-one-out.

Two networks that were trained apart err apart: side by side, ridge regression on their features is
often more accurate than on those of either, for the arithmetic of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from headstart.heads.candidates import rooted, side_by_side
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Integers, Rows
from headstart.in_order import in_order
from headstart.layers import Array
from headstart.strategy.answers import Answers


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What ridge regression says of rows that it was not fitted on.

    Args:
        best: Of all taps side by side or of the last one: those with the lower log loss.
        correct: bool [N] by the taps that were seen.
        rows: By the taps likewise, decomposed: whoever needs them next need not do it again.
    """

    best: Answers
    correct: Mapping[tuple[str, ...], npt.NDArray[np.bool_]]
    rows: dict[tuple[str, ...], Rows]


def left_out_answers(
    taps: Mapping[str, Array], y: Integers, groups: Integers, threads: int = 1
) -> LeftOut:
    """Ridge regression's answers about rows that were left out with their groups.

    Args:
        taps: float32 [N, D] by tap name, the deepest last.
        y: int64 [N], class indices.
        groups: int64 [N], rows left out together.
        threads: Of all taps and the last one, how many are worked on at once; the result does not
            depend on it.
    """
    names = tuple(taps)
    both = dict.fromkeys((names, names[-1:]))
    everywhere = np.ones(len(y), dtype=bool)
    labels = np.unique(y, return_inverse=True)[1]
    rows = {some: Rows(rooted(side_by_side(taps, some))) for some in both}

    def judge(some: tuple[str, ...]) -> Answers:
        scores = RidgeHead().fit_rows(rows[some], labels, groups).loo_scores_
        return Answers.of(scores, everywhere, labels)

    with threadpool_limits(1):  # sums would depend on the number of threads
        found = list(in_order(judge, both, threads, 1, "widening"))
    correct = {some: answers.correct for some, answers in zip(both, found, strict=True)}
    return LeftOut(min(found, key=lambda answers: answers.log_loss), correct, rows)
