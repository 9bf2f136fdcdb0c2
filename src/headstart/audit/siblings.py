"""How many pictures have a sibling: one that is far nearer than the others of their class.

Versions of one source, bursts, frames and slices give themselves away by this whatever they are
called. Measured on sets without them (photographs of cats and dogs, flowers, insects): 0 to 1 % of
the pictures; slices and cells of one module 7 to 12 %; three augmented versions of each: 91 %.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features, Selected
from headstart.metrics.nearness import NEIGHBOURS, Groups, Nearest, directions, nearest
from headstart.randomness import generator

Rows = npt.NDArray[np.int64]

# Of the distance to the tenth nearest of the class.
FAR_NEARER = 0.4
_MOST, _ASKED = 10_000, 1000  # pictures of a class, and how many of them are asked
_FEWEST = 2 * NEIGHBOURS


def share_with_siblings(features: Features, y: Rows, groups: Groups, seed: int) -> float | None:
    """Share of the pictures with a sibling, 0..1; None where no class has 20 pictures.

    Args:
        features: float [N, D]; best `heads.candidates.rooted`, as heads see them.
        y: int64 [N], class indices.
        groups: [N], rows known to belong together are not compared.
        seed: Of the pictures that are asked in large classes.
    """
    found = []
    for label in np.unique(y):
        # Side by side: a draw of them would tear the families apart.
        rows = np.flatnonzero(y == label)[:_MOST]
        if len(rows) < _FEWEST:
            continue
        asked = generator(seed, "siblings").permutation(len(rows))[:_ASKED]
        units, among = directions(Selected(features, rows)), groups[rows]
        found.append(is_far_nearer(nearest(units[asked], among[asked], units, among)))
    return float(np.concatenate(found).mean()) if found else None


def is_far_nearer(near: Nearest) -> npt.NDArray[np.bool_]:
    """Where the nearest is far nearer than the last of them; not where there are too few."""
    first, last = 1.0 - near.similarity[:, 0], 1.0 - near.similarity[:, -1]
    return np.asarray(np.isfinite(last) & (first < FAR_NEARER * last))
