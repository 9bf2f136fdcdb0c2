"""How well frozen features fit these labels, depth by depth: exact leave-one-out, no choosing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from headstart.feature_rows import Features
from headstart.heads.candidates import rooted, side_by_side
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Integers, Rows
from headstart.in_order import in_order
from headstart.layers import Array
from headstart.metrics.intervals import Interval, accuracy_interval
from headstart.metrics.nearness import NEIGHBOURS, directions, nearest
from headstart.randomness import generator

ALL_TAPS = "all taps"
_MOST_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Depth:
    """What features at one depth know of the labels.

    Args:
        name: The tap's, or ``"all taps"``.
        accuracy: Of ridge regression, each row judged without its group.
        interval: Of the accuracy.
        correct: bool [N].
    """

    name: str
    accuracy: float
    interval: Interval
    correct: npt.NDArray[np.bool_]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "tap": self.name,
            "accuracy": round(self.accuracy, 6),
            "interval": [round(self.interval.low, 6), round(self.interval.high, 6)],
        }


@dataclass(frozen=True, eq=False)
class Fitness:
    """Leave-one-out accuracy along the depth of the network.

    Args:
        depths: Single taps from the earliest to the last, then all of them side by side.
        neighbours: Share of rows whose 10 nearest others, by angle at the last tap, vote right; of
            a sample where there are more than 2 000. All others where these are fewer.
        num_rows: How many rows the depths were judged by: the same, unless all of them are known.
    """

    depths: tuple[Depth, ...]
    neighbours: float
    num_rows: int

    @property
    def best_single(self) -> Depth:
        """The single tap with the highest accuracy; the last of equals."""
        singles = [depth for depth in self.depths if depth.name != ALL_TAPS]
        return max(reversed(singles), key=lambda depth: depth.accuracy)

    @property
    def is_earlier_better(self) -> bool:
        """Whether a tap before the last does clearly better than the last."""
        last = [depth for depth in self.depths if depth.name != ALL_TAPS][-1]
        best = self.best_single
        return best.name != last.name and best.interval.low > last.accuracy

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "depths": [depth.to_json() for depth in self.depths],
            "neighbors": round(self.neighbours, 6),
            "best_single": self.best_single.name,
            "num_rows": self.num_rows,
        }


def fitness(
    taps: Mapping[str, Features],
    y: Integers,
    groups: Integers,
    seed: int,
    threads: int = 1,
    known: Mapping[tuple[str, ...], npt.NDArray[np.bool_]] | None = None,
) -> Fitness:
    """Judge every tap, and all taps side by side, by exact leave-group-out.

    Args:
        taps: Tap name to float32 [N, D], in order of depth.
        y: int [N], class indices.
        groups: int [N], rows that belong together.
        seed: For the sample of rows, where there are many.
        threads: Taps worked on at once; the result does not depend on it.
        known: By names of taps, bool [N]: what ridge regression on these has right without a row's
            group. It is not judged again; of a sample of many rows, where every depth is known.
    """
    rows, names = _sample(len(y), seed), tuple(taps)
    wanted = {name: (name,) for name in names} | ({ALL_TAPS: names} if len(names) > 1 else {})
    index, members = np.unique(y[rows], return_inverse=True)[1], groups[rows]
    neighbours = _neighbours(taps[names[-1]][rows], index, members)
    if known and all(some in known for some in wanted.values()):
        depths = tuple(_depth(name, known[some], groups, seed) for name, some in wanted.items())
        return Fitness(depths, neighbours, len(y))
    own = {name: values[rows] for name, values in taps.items()}

    def judge(name: str) -> Depth:
        if known and wanted[name] in known and len(rows) == len(y):
            return _depth(name, known[wanted[name]], groups, seed)
        head = RidgeHead().fit_rows(Rows(rooted(side_by_side(own, wanted[name]))), index, members)
        return _depth(name, head.loo_scores_.argmax(axis=1) == index, members, seed)

    # One thread of linear algebra each, as in `fitting`: sums would depend on their number.
    with threadpool_limits(1):
        # The widest first: nobody waits for it at the end.
        found = in_order(judge, reversed(wanted), threads, len(wanted), "fitness")
        return Fitness(tuple(reversed(list(found))), neighbours, len(rows))


def _sample(num_rows: int, seed: int) -> Integers:
    if num_rows <= _MOST_ROWS:
        return np.arange(num_rows)
    chosen = generator(seed, "fitness").choice(num_rows, _MOST_ROWS, replace=False)
    return np.sort(chosen).astype(np.int64)


def _depth(name: str, correct: npt.NDArray[np.bool_], groups: Integers, seed: int) -> Depth:
    interval = accuracy_interval(correct, groups, seed)
    return Depth(name, float(correct.mean()), interval, correct)


def _neighbours(X: Array, y: Integers, groups: Integers) -> float:
    """Leave-group-out accuracy of the vote of the nearest rows by angle."""
    units = directions(X)
    found = nearest(units, groups, units, groups, min(NEIGHBOURS, len(y)))
    row, place = np.nonzero(np.isfinite(found.similarity))
    votes = np.zeros((len(y), int(y.max()) + 1))
    np.add.at(votes, (row, y[found.rows[row, place]]), 1)
    # Among equal votes the class of the nearest row counts most.
    votes[np.arange(len(y)), y[found.rows[:, 0]]] += 0.5
    is_asked = np.isfinite(found.similarity[:, 0])
    return float((is_asked & (votes.argmax(axis=1) == y)).mean())
