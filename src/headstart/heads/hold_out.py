"""Seeded shares of the rows, set aside inside one fit to judge settings by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headstart.heads.spectrum import Integers
from headstart.randomness import generator

_SHARES = 5
_ENOUGH_ROWS = 300


def hold_outs(y: Integers, groups: Integers | None, seed: int) -> list[npt.NDArray[np.bool_]]:
    """Disjoint fifths of the rows, as many as it takes to judge by 300 rows: one if N >= 1500.

    Stratified; groups stay whole, and no class loses its last group.

    Args:
        y: int [N], class indices.
        groups: int [N], rows that must not be parted; None if each stands alone. A group counts
            for the class of its first row.
        seed: Draws the groups.

    Returns:
        Up to five bool [N], the rows set aside; none if no class has two groups.
    """
    share = _shares(y, np.arange(len(y)) if groups is None else groups, seed)
    chosen: list[npt.NDArray[np.bool_]] = []
    for number in range(_SHARES):
        held = share == number
        # A class may live only inside groups that count for another class.
        held &= np.isin(y, y[~held])
        if held.any() and np.sum(chosen) < _ENOUGH_ROWS:
            chosen.append(held)
    return chosen


def _shares(y: Integers, groups: Integers, seed: int) -> Integers:
    """Int [N]: the number of each row's share; -1 for a class with a single group."""
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    share = np.full(len(first), -1)
    random = generator(seed, "hold-out")
    for label in np.unique(y[first]):
        own = random.permutation(np.flatnonzero(y[first] == label))
        if len(own) > 1:
            # A random first share, so that small classes do not all fall into the same one.
            share[own] = (np.arange(len(own)) + random.integers(_SHARES)) % _SHARES
    return share[member]
