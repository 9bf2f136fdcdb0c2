"""Samples of a dataset, groups kept whole."""

from __future__ import annotations

import numpy as np

from headstart.randomness import generator
from headstart.workflows.preparing import Rows


def draw_per_class(y: Rows, groups: Rows, per_class: int, seed: int) -> Rows:
    """Rows with about so many of each class; a class that has fewer gives all.

    Groups come in random order; one is taken as long as a class of it lacks pictures.

    Args:
        y: int64 [N], class indices.
        groups: int64 [N].
        per_class: How many.
        seed: Of the order.
    """
    have = np.zeros(int(y.max()) + 1, dtype=np.int64)
    taken = []
    for rows in _in_random_order(groups, seed):
        if (have[y[rows]] < per_class).any():
            taken.append(rows)
            np.add.at(have, y[rows], 1)
    return np.sort(np.concatenate(taken))


def draw(groups: Rows, number: int, seed: int) -> Rows:
    """So many rows, or a few less: a group that does not fit any more is left out."""
    taken: list[Rows] = []
    left = number
    for rows in _in_random_order(groups, seed):
        if len(rows) <= left:
            taken.append(rows)
            left -= len(rows)
    return np.sort(np.concatenate(taken))


def _in_random_order(groups: Rows, seed: int) -> list[Rows]:
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    members = np.split(order, ends)
    return [members[k] for k in generator(seed, "panel").permutation(len(members))]
