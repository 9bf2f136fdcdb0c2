"""What a choice cost: the best of several on the test pictures, less what was chosen."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from headstart.randomness import generator
from headstart.workflows.preparing import Rows

Correct = npt.NDArray[np.bool_]

_HALVINGS = 100
_LEAST_DIFFERING = 10


def raw_regret(rivals: Correct, chosen: Correct) -> float:
    """Best accuracy less the chosen one's, on the same rows.

    Too large on average: the best on these rows is partly the luckiest on these rows.

    Args:
        rivals: bool [K, T], whether each was right about each test row.
        chosen: bool [T].
    """
    return float(rivals.mean(axis=1).max() - chosen.mean())


def split_half_regret(rivals: Correct, chosen: Correct, groups: Rows, seed: int = 0) -> float:
    """The same without that luck: one half of the rows finds the best, the other half judges it.

    Both ways, over many halvings; among equals the mean. Too small rather than too large: half of
    the rows may miss the best. Below 0 where what they find is worse than the chosen one.

    Args:
        rivals: bool [K, T].
        chosen: bool [T].
        groups: int64 [T], rows of a group stay in one half.
        seed: Of the halvings.
    """
    halves = _halves(groups, seed)
    gains = (rivals.astype(float) - chosen) @ np.concatenate([halves, ~halves]).T  # [K, 2R]
    sizes = np.concatenate([halves.sum(axis=1), (~halves).sum(axis=1)])
    found, judged = gains, np.roll(gains / np.maximum(sizes, 1), len(halves), axis=1)
    best = found >= found.max(axis=0) - 1e-9
    return float(((judged * best).sum(axis=0) / best.sum(axis=0)).mean())


def is_beaten(rivals: Correct, chosen: Correct, groups: Rows, level: float = 0.95) -> bool:
    """Whether some rival is significantly better, allowing for how many rivals there are.

    One-sided tests of the paired differences, normal, their error from sums over groups; each at
    its share of the level (Bonferroni), so that chance alone finds one in about 2.5 % of cases.
    Fewer than ten groups that differ show nothing.

    Args:
        rivals: bool [K, T], whether each was right about each test row, the chosen one among them.
        chosen: bool [T].
        groups: int64 [T], rows of a group are one observation.
        level: Of the two-sided intervals that this corresponds to.
    """
    gains = rivals.astype(float) - chosen
    place = np.unique(groups, return_inverse=True)[1]
    sums = np.array([np.bincount(place, gain) for gain in gains])
    errors = np.sqrt(((sums - sums.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    many = max(1, len(rivals) - 1)
    bound = NormalDist().inv_cdf(1 - (1 - level) / 2 / many)
    enough = (sums != 0).sum(axis=1) >= _LEAST_DIFFERING
    return bool((enough & (sums.sum(axis=1) > bound * errors)).any())


def _halves(groups: Rows, seed: int) -> Correct:
    """bool [R, T]: which rows are in the first half."""
    place = np.unique(groups, return_inverse=True)[1]
    number = int(place.max()) + 1
    random = generator(seed, "halves")
    orders = np.array([random.permutation(number) for _ in range(_HALVINGS)])
    return (orders < number // 2)[:, place]
