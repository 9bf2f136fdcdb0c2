"""Which of several classifiers is better, judged on the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.errors import NotEnoughData
from headstart.metrics.intervals import (
    Floats,
    Groups,
    Interval,
    percentiles,
    resampled_counts,
    wilson,
)

Correct = npt.NDArray[np.bool_]
Choose = Callable[[Floats], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Difference(Interval):
    """A difference of two accuracies, with its interval; positive when the first is better."""

    difference: float


def paired_difference(
    correct_a: Correct,
    correct_b: Correct,
    groups: Groups | None = None,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 2000,
) -> Difference:
    """Accuracy of a less accuracy of b, with the percentile interval of drawing groups again.

    Where drawing again changes nothing, the interval reaches as far as differing answers could
    have stayed unseen: Wilson's upper limit of 0 in as many observations as there are groups.
    """
    several = paired_differences(correct_a[None], correct_b, groups, seed, level, resamples)
    return several[0]


def paired_differences(
    correct: Correct,
    correct_b: Correct,
    groups: Groups | None = None,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 2000,
) -> tuple[Difference, ...]:
    """`paired_difference` of each of several less the same b: the groups are drawn once for all.

    Args:
        correct: bool [K, N].
        correct_b: bool [N].
        groups: [N], drawn as a whole; None when every row stands alone.
        seed: The run's seed.
        level: Of the intervals.
        resamples: How often groups are drawn.
    """
    place, num_groups = _places(groups, len(correct_b))
    gained = correct_b.astype(np.float64)
    sums = np.stack([np.bincount(place, each - gained) for each in correct], axis=1)
    sizes = np.bincount(place).astype(np.float64)
    blocks = resampled_counts(num_groups, resamples, seed)
    means = np.concatenate([(draws @ sums) / (draws @ sizes)[:, None] for draws in blocks])
    return tuple(
        _difference(drawn, float((each - gained).mean()), num_groups, level)
        for drawn, each in zip(means.T, correct, strict=True)
    )


def _difference(means: Floats, difference: float, num_groups: int, level: float) -> Difference:
    """From the means [R] of what was drawn again."""
    low, high = percentiles(means, level)
    if np.ptp(means) < 1e-12:
        unseen = wilson(0, num_groups, level).high
        low, high = max(-1.0, difference - unseen), min(1.0, difference + unseen)
    return Difference(low, high, level, "paired bootstrap", difference)


def bias_corrected_best(
    correct: Correct,
    groups: Groups | None = None,
    resamples: int = 1000,
    seed: int = 0,
    choose: Choose | None = None,
    level: float = 0.95,
) -> tuple[float, Interval]:
    """The accuracy to expect of the best of K candidates, without the luck of having been chosen.

    BBC-CV: rows of the out-of-fold matrix are drawn again, the winner is chosen on the rows that
    were drawn and judged on those that were not; the mean over all draws is the estimate. Nothing
    is trained again.

    Args:
        correct: bool [K, N], whether candidate k was right on row n when n was held out.
        groups: [N], drawn as a whole; None when every row stands alone.
        resamples: How often rows are drawn.
        seed: The run's seed.
        choose: How the winner is found: a function of float64 [R, N], how often each row was
            drawn, to int64 [R], the winner of each draw. The most accurate by default; give the
            rule that was really used, or its luck stays in the estimate.
        level: Of the interval.

    Returns:
        The estimate and its interval: percentiles over the draws (slightly too wide), or where it
        is wider Wilson's of the estimate in as many observations as there are groups. Where nearly
        all are right no draw shows how many could have been wrong.

    Raises:
        NotEnoughData: There are fewer than two groups, so nothing is ever left undrawn.

    Source: Tsamardinos, Greasidou, Borboudakis 2018, "Bootstrapping the out-of-sample
    predictions for efficient and accurate cross-validation", algorithm 4.
    """
    hits = correct.T.astype(np.float64)
    place, num_groups = _places(groups, len(hits))
    if num_groups < 2:
        raise NotEnoughData(
            f"all {len(hits)} pictures belong to one group",
            "at least two groups, to choose on one and to judge on the other",
            "add pictures of other groups",
        )
    blocks = resampled_counts(num_groups, resamples, seed, width=len(hits))
    scores = np.concatenate([_winners_undrawn(draws[:, place], hits, choose) for draws in blocks])
    estimate, (low, high) = float(scores.mean()), percentiles(scores, level)
    least = wilson(estimate * num_groups, num_groups, level)
    return estimate, Interval(min(low, least.low), max(high, least.high), level, "BBC-CV")


def _winners_undrawn(counts: Floats, hits: Floats, choose: Choose | None) -> Floats:
    undrawn = (counts == 0).astype(np.float64)
    some = undrawn.any(axis=1)  # With very few groups a draw may take them all: it says nothing.
    counts, undrawn = counts[some], undrawn[some]
    winner = choose(counts) if choose else (counts @ hits).argmax(axis=1)
    right = (undrawn @ hits)[np.arange(len(winner)), winner]
    return np.asarray(right / undrawn.sum(axis=1))


def _places(groups: Groups | None, num_rows: int) -> tuple[npt.NDArray[np.int64], int]:
    if groups is None:
        return np.arange(num_rows), num_rows
    names, place = np.unique(groups, return_inverse=True)
    return place, len(names)
