"""Pictures unlike the rest: far from all their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.audit.chance import UNUSUAL_BELOW, Floats, expected_by_chance
from headstart.feature_rows import Features
from headstart.metrics.nearness import NEIGHBOURS, Groups, Nearest, directions, nearest


@dataclass(frozen=True, eq=False)
class Outliers:
    """How unlike the rest each picture is.

    Args:
        distance: float64 [N], mean cosine distance to the nearest others; infinite if unknown.
        expected: float64 [N], how many pictures would be so far by chance.
        order: int64 [N], rows, the farthest first; unknown ones last.
        unlike: bool [N], so far that it is no chance.
    """

    distance: Floats
    expected: Floats
    order: npt.NDArray[np.int64]
    unlike: npt.NDArray[np.bool_]


def neighbourhood(features: Features, groups: Groups) -> Nearest:
    """Every row's ten nearest rows of other groups (fewer, if there are fewer rows).

    Takes N² D multiplications, and flat memory.

    Args:
        features: float [N, D], N at least 2; best `heads.candidates.rooted`, as heads see them.
        groups: int [N], rows known to belong together, such as copies.
    """
    units = directions(features)
    return nearest(units, groups, units, groups, max(1, min(NEIGHBOURS, len(units) - 1)))


def outliers(near: Nearest) -> Outliers:
    """Rank pictures by their distance, and name those too far for chance.

    Args:
        near: As found by `neighbourhood`.
    """
    distance = near.distance
    expected = expected_by_chance(distance, "far")
    order = np.argsort(np.where(np.isfinite(distance), -distance, np.inf), kind="stable")
    return Outliers(distance, expected, order, expected < UNUSUAL_BELOW)
