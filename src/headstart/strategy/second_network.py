"""Does a second network beside the first pay? Both on frozen features, by exact leave-one-out.

Two networks that were trained apart err apart: side by side, ridge regression on their features is
often more accurate than on those of either, for the arithmetic of both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from headstart.heads.candidates import rooted, side_by_side
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Integers, Rows
from headstart.in_order import in_order
from headstart.layers import Array
from headstart.strategy.ladder import Answers


def left_out_answers(
    taps: Mapping[str, Array], y: Integers, groups: Integers, threads: int = 1
) -> Answers:
    """Ridge regression's answers about rows that were left out with their groups.

    Args:
        taps: float32 [N, D] by tap name, the deepest last.
        y: int64 [N], class indices.
        groups: int64 [N], rows left out together.
        threads: Of all taps and the last one, how many are worked on at once; the result does not
            depend on it.

    Returns:
        Of all taps side by side or of the last one: those with the lower log loss.
    """
    names = tuple(taps)
    everywhere = np.ones(len(y), dtype=bool)
    labels = np.unique(y, return_inverse=True)[1]

    def judge(some: tuple[str, ...]) -> Answers:
        return Answers.of(_scores(taps, some, labels, groups), everywhere, labels)

    with threadpool_limits(1):  # sums would depend on the number of threads
        found = list(in_order(judge, (names, names[-1:]), threads, 1, "widening"))
    return min(found, key=lambda answers: answers.log_loss)


def _scores(
    taps: Mapping[str, Array], names: tuple[str, ...], labels: Integers, groups: Integers
) -> Array:
    rows = Rows(rooted(side_by_side(taps, names)))
    return np.asarray(RidgeHead().fit_rows(rows, labels, groups).loo_scores_)
