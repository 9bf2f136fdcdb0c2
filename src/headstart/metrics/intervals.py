"""How far a measured share may be from the true one.

Rows of one group (a patient, a burst, twins) are right or wrong together, so they are fewer
observations than they seem: wherever there are groups, whole groups are resampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.randomness import generator

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[Any]

_BLOCK = 2_000_000  # Counts made at a time: 16 MB.


@dataclass(frozen=True)
class Interval:
    """A range that holds the true value, of all such ranges, in a share ``level`` of cases.

    Args:
        low: Its lower end.
        high: Its upper end.
        level: For example 0.95.
        method: How it was made, for example ``"wilson"``.
    """

    low: float
    high: float
    level: float
    method: str


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """The score interval of a share; [0, 1] when ``n`` is 0.

    Source: Wilson 1927; matches ``scipy.stats.binomtest(...).proportion_ci(method="wilson")``.
    """
    if n == 0:
        return Interval(0.0, 1.0, level, "wilson")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2) / (1 + z**2 / n)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    # At the ends the formula gives exactly 0 and 1, but for rounding.
    return Interval(0.0 if share == 0 else low, 1.0 if share == 1 else high, level, "wilson")


def cluster_bootstrap(
    values: npt.NDArray[Any],
    groups: Groups,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The percentile interval of a mean when whole groups are drawn again.

    Where drawing again changes nothing (all values equal, or a single group) it falls back to
    Wilson's interval with as many observations as there are groups: certainty is not for sale.

    Args:
        values: bool or float [N] in [0, 1].
        groups: [N], rows with the same value belong together.
        level: Of the interval.
        resamples: How often groups are drawn.
        seed: The run's seed.
    """
    one_column = np.zeros(len(values), dtype=np.int64)
    return _bootstrap(values, one_column, groups, level, resamples, seed)


def balanced_interval(
    correct: npt.NDArray[np.bool_],
    y: npt.NDArray[np.int64],
    groups: Groups | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The percentile interval of the balanced accuracy; groups (or rows) are drawn again."""
    columns = np.unique(y, return_inverse=True)[1]
    return _bootstrap(correct, columns, _or_rows(groups, len(y)), level, resamples, seed)


def accuracy_interval(
    correct: npt.NDArray[np.bool_],
    groups: Groups | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """The interval of an accuracy: Wilson's, or the cluster bootstrap where rows share a group."""
    if groups is None or len(np.unique(groups)) == len(groups):
        return wilson(int(correct.sum()), len(correct), level)
    return cluster_bootstrap(correct, groups, level, seed=seed)


def resampled_counts(
    num_groups: int, resamples: int, seed: int, width: int = 1
) -> Iterator[Floats]:
    """How often each group is drawn, in blocks float64 [R, G] with ``resamples`` rows in all.

    Args:
        num_groups: G.
        resamples: How often G groups are drawn.
        seed: The run's seed.
        width: What the caller spreads G over, if more: blocks are kept small enough for it.
    """
    random = generator(seed, "bootstrap")
    block = max(1, _BLOCK // max(num_groups, width))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = random.integers(num_groups, size=(rows, num_groups))
        drawn += num_groups * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * num_groups)
        yield counts.reshape(rows, num_groups).astype(np.float64)


def percentiles(values: Floats, level: float) -> tuple[float, float]:
    """The middle share ``level`` of the values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _bootstrap(
    values: npt.NDArray[Any],
    columns: npt.NDArray[np.int64],
    groups: Groups,
    level: float,
    resamples: int,
    seed: int,
) -> Interval:
    """The interval of the mean over columns of each column's mean value."""
    names, place = np.unique(groups, return_inverse=True)
    shape = (len(names), int(columns.max()) + 1)
    sums, sizes = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (place, columns), values)
    np.add.at(sizes, (place, columns), 1)
    blocks = resampled_counts(len(names), resamples, seed)
    means = np.concatenate([_mean_of_means(draws @ sums, draws @ sizes) for draws in blocks])
    low, high = percentiles(means, level)
    if np.ptp(means) > 1e-12:
        return Interval(low, high, level, "cluster bootstrap")
    observations = _observations((sizes > 0).sum(axis=0))
    return wilson(float(np.clip(means[0], 0, 1)) * observations, observations, level)


def _mean_of_means(sums: Floats, sizes: Floats) -> Floats:
    # A class none of whose groups was drawn is left out of that draw.
    drawn = sizes > 0
    return np.asarray((sums / np.maximum(sizes, 1)).sum(axis=1) / drawn.sum(axis=1))


def _observations(groups_per_column: npt.NDArray[np.int64]) -> float:
    # Var(mean of C shares) = pq * sum(1/n) / C², as with C² / sum(1/n) rows of a single share.
    return float(len(groups_per_column) ** 2 / (1 / groups_per_column).sum())


def _or_rows(groups: Groups | None, num_rows: int) -> Groups:
    return np.arange(num_rows) if groups is None else groups
