"""Pairs that are one picture to the network, though their bytes and hashes differ.

Suspects only: a burst, two slices of one scan, a picture cropped or mirrored. Nothing is merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from headstart.audit.chance import UNUSUAL_BELOW, Floats, expected_by_chance
from headstart.feature_rows import Features, Selected
from headstart.metrics.nearness import Groups, Units, directions, nearest

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NearCopies:
    """Suspected pairs, those of different classes first, then the most alike.

    Args:
        pairs: int64 [P, 2], rows, the lower first.
        similarity: float64 [P], cosines.
        expected: float64 [P], how many rows would have so near a neighbour by chance.
        across: bool [P], filed under two classes: one of them must be wrong.
    """

    pairs: Rows
    similarity: Floats
    expected: Floats
    across: npt.NDArray[np.bool_]


def near_copies(features: Features, y: Rows, groups: Groups) -> NearCopies:
    """Find pairs that are each other's nearest, and too near for chance.

    What chance is, is asked twice: how near do nearest pictures of one class come in this set,
    and how near do nearest pictures of two classes, which are surely no copies of one another
    but for the few that are filed twice.

    Args:
        features: float [N, D], N at least 2; best `heads.candidates.rooted`, as heads see them.
        y: int [N], class indices.
        groups: int [N], rows known to belong together are not looked at.
    """
    # The pictures of a class side by side: whom a row is compared with is a slice.
    order = np.argsort(y, kind="stable")
    units, members = directions(Selected(features, order)), groups[order]
    edges = [0, *np.cumsum(np.unique(y, return_counts=True)[1]).tolist()]
    found = [_suspects(units, members, edges, across) for across in (True, False)]
    pairs, similarity, expected = (np.concatenate(both) for both in zip(*found, strict=True))
    pairs = np.sort(order[pairs], axis=1)
    across = y[pairs[:, 0]] != y[pairs[:, 1]]
    first = np.lexsort((pairs[:, 0], -similarity, ~across))
    return NearCopies(pairs[first], similarity[first], expected[first], across[first])


def _suspects(
    units: Units, groups: Groups, edges: Sequence[int], across: bool
) -> tuple[Rows, Floats, Floats]:
    """Pairs, similarities and expected numbers of one kind."""
    similarity, mate = _mates(units, groups, edges, across)
    expected = expected_by_chance(np.maximum(0.0, 1.0 - similarity), "near")
    rows = np.arange(len(units))
    first = rows[(mate[mate] == rows) & (rows < mate) & (expected < UNUSUAL_BELOW)]
    return np.stack([first, mate[first]], axis=1), similarity[first], expected[first]


def _mates(units: Units, groups: Groups, edges: Sequence[int], across: bool) -> tuple[Floats, Rows]:
    """Each row's nearest of its own class, or of all others: cosines and rows.

    Args:
        units: float32 [N, D], the rows of a class side by side.
        groups: int [N].
        edges: Where each class begins, and N.
        across: Of all others.
    """
    similarity, mate = np.full(len(units), -np.inf), np.zeros(len(units), np.int64)
    for begin, end in pairwise(edges):
        banks = [(0, begin), (end, len(units))] if across else [(begin, end)]
        for start, stop in banks:
            if start == stop:
                continue
            bank, bank_groups = units[start:stop], groups[start:stop]
            near = nearest(units[begin:end], groups[begin:end], bank, bank_groups, 1)
            nearer = begin + np.flatnonzero(near.similarity[:, 0] > similarity[begin:end])
            similarity[nearer] = near.similarity[nearer - begin, 0]
            mate[nearer] = start + near.rows[nearer - begin, 0]
    return similarity, mate
