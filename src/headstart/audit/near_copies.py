"""Pairs that are one picture to the network, though their bytes and hashes differ.

Suspects only: a burst, two slices of one scan, a picture cropped or mirrored. Nothing is merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.audit.chance import UNUSUAL_BELOW, Floats, expected_by_chance
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

    def to_json(self) -> dict[str, Any]:
        """All pairs."""
        columns = (self.pairs, self.similarity, self.expected, self.across)
        return {
            "num_pairs": len(self.pairs),
            "num_across_classes": int(self.across.sum()),
            "pairs": [
                {
                    "rows": pair,
                    "similarity": round(similarity, 6),
                    "expected": round(expected, 6),
                    "across_classes": across,
                }
                for pair, similarity, expected, across in zip(
                    *(column.tolist() for column in columns), strict=True
                )
            ],
        }


def near_copies(features: npt.NDArray[Any], y: Rows, groups: Groups) -> NearCopies:
    """Find pairs that are each other's nearest, and too near for chance.

    What chance is, is asked twice: how near do nearest pictures of one class come in this set,
    and how near do nearest pictures of two classes, which are surely no copies of one another
    but for the few that are filed twice.

    Args:
        features: float [N, D], N at least 2; best `heads.selection.rooted`, as heads see them.
        y: int [N], class indices.
        groups: int [N], rows known to belong together are not looked at.
    """
    units = directions(features)
    found = [_suspects(units, y, groups, across) for across in (True, False)]
    pairs, similarity, expected = (np.concatenate(both) for both in zip(*found, strict=True))
    return NearCopies(pairs, similarity, expected, y[pairs[:, 0]] != y[pairs[:, 1]])


def _suspects(units: Units, y: Rows, groups: Groups, across: bool) -> tuple[Rows, Floats, Floats]:
    """Pairs, similarities and expected numbers of one kind, the most alike first."""

    def other_kind(block: slice) -> npt.NDArray[np.bool_]:
        return np.asarray((y[block, None] == y[None, :]) == across)

    near = nearest(units, groups, units, groups, 1, other_kind)
    similarity, mate = near.similarity[:, 0].astype(np.float64), near.rows[:, 0]
    expected = expected_by_chance(near.distance, "near")
    rows = np.arange(len(units))
    first = rows[(mate[mate] == rows) & (rows < mate) & (expected < UNUSUAL_BELOW)]
    first = first[np.argsort(-similarity[first], kind="stable")]
    return np.stack([first, mate[first]], axis=1), similarity[first], expected[first]
