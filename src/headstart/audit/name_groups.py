"""Whether file names hold groups: pictures of one patient, burst or source, that look alike.

A name says nothing by itself. It is asked whether the picture most alike, of the same class, has
the same beginning of its name, or stands beside it in the order of files, more often than chance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features, Selected
from headstart.metrics.nearness import Groups, directions, nearest

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What may name a group, searched in the path below the dataset.
PATTERNS = (
    r"([^/]+)\.rf\.",  # Roboflow's copies of one source
    r"^(.+)/[^/]+$",  # the folder
    r"(?:^|/)([^/\d]*\d+)\D[^/]*$",  # up to the first number
    r"([^/]+)[-_. ()]+[^-_. ()/]+\.\w+$",  # all but the last word
    r"([^/]+)[-_. ()]+[^-_. ()/]+[-_. ()]+[^-_. ()/]+\.\w+$",  # all but the last two
)
BESIDE = 5  # files before or after, of the same class
_FEWEST, _MOST = 20, 4000  # pictures
# All must hold: chance is ruled out, names explain much, and more than classes do.
_DEVIATIONS = 5.0
_LEAST_EXCESS = 0.1
_LEAST_RATIO = 2.0
# To be kept together unasked.
_MOST_KNOW, _HARDLY_CHANCE, _SMALL = 0.5, 0.1, 12.0


@dataclass(frozen=True)
class NameGroups:
    """What names tell of which pictures look alike.

    Args:
        pattern: A regular expression that finds the groups; ``""``: the order of files tells it.
        share: Of pictures whose nearest of the class is of their group, or beside them, 0..1.
        chance: The same if names meant nothing.
        size: Mean number of pictures of the class in a picture's group.
    """

    pattern: str
    share: float
    chance: float
    size: float

    @property
    def is_certain(self) -> bool:
        """Whether the groups are kept together unasked: small ones, and most pictures know theirs.

        Larger ones may be kinds within a class, all of which are to be learnt.
        """
        is_known = self.share >= _MOST_KNOW and self.chance <= _HARDLY_CHANCE
        return bool(self.pattern) and is_known and self.size <= _SMALL


def name_groups(
    names: Sequence[str], features: Features, y: Rows, groups: Groups
) -> NameGroups | None:
    """What tells most, where anything does; a pattern before the order of files.

    Args:
        names: N paths below the dataset.
        features: float [N, D]; best `heads.candidates.rooted`, as heads see them.
        y: int64 [N], class indices.
        groups: [N], rows known to belong together are not compared.
    """
    rows = _first_of_classes(names, y)
    names, features = [names[row] for row in rows], Selected(features, rows)
    y, groups = y[rows], groups[rows]
    mates = _nearest_of_class(features, y, groups)
    patterns = [_by_pattern(pattern, names, mates, y, groups) for pattern in PATTERNS]
    found = [one for one in patterns if one is not None]
    return max(found, key=lambda one: one.share - one.chance, default=_in_order(mates, y))


def _first_of_classes(names: Sequence[str], y: Rows) -> Rows:
    """Rows in the order of files: so many of each class that they can be compared in a moment."""
    order = np.array(sorted(range(len(names)), key=lambda row: _natural(names[row])), np.int64)
    each = max(_FEWEST, _MOST // max(1, len(np.unique(y))))
    return np.concatenate([order[y[order] == label][:each] for label in np.unique(y)])


def _nearest_of_class(features: Features, y: Rows, groups: Groups) -> Rows:
    """Each row's nearest of its class and of another group; -1 where there is none."""
    mates = np.full(len(y), -1)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        units = directions(Selected(features, rows))
        near = nearest(units, groups[rows], units, groups[rows], 1)
        some = np.isfinite(near.similarity[:, 0])
        mates[rows[some]] = rows[near.rows[some, 0]]
    return mates


def _by_pattern(
    pattern: str, names: Sequence[str], mates: Rows, y: Rows, groups: Groups
) -> NameGroups | None:
    search = re.compile(pattern).search
    named = np.array([match.group(1) if (match := search(name)) else "" for name in names])
    group = np.unique(named, return_inverse=True)[1]
    rows = np.flatnonzero((mates >= 0) & (named != ""))
    hit = group[mates[rows]] == group[rows]
    chance, size = _share_of_group(group, y, groups)[rows], _alike(y, group)[rows]
    return _beyond_chance(pattern, hit, chance, size)


def _share_of_group(group: Rows, y: Rows, groups: Groups) -> Floats:
    """Of those a row may be nearest to, its class without its copies: how many are of its group."""
    copies = np.unique(groups, return_inverse=True)[1]
    mates = _alike(y, group) - _alike(y, group, copies)
    return np.asarray(mates / np.maximum(1, _alike(y) - _alike(y, copies)))


def _alike(*keys: Rows) -> Floats:
    """How many rows have the same keys as each row, itself among them."""
    _, where, counts = np.unique(np.stack(keys), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(counts[where.ravel()], dtype=np.float64)


def _in_order(mates: Rows, y: Rows) -> NameGroups | None:
    """Whether it stands beside: frames of a film, slices of a scan, cells of a module.

    Rows are in the order of files, class by class.
    """
    rows = np.flatnonzero(mates >= 0)
    hit = np.abs(mates[rows] - rows) <= BESIDE
    beside = np.full(len(rows), 2.0 * BESIDE)
    chance = np.minimum(1.0, beside / np.maximum(1, _alike(y)[rows] - 1))
    return _beyond_chance("", hit, chance, beside + 1)


def _natural(name: str) -> list[tuple[str, int]]:
    """A key by which picture 9 comes before picture 10."""
    return [(text, int(part or 0)) for text, part in re.findall(r"(\D*)(\d*)", name)]


def _beyond_chance(
    pattern: str, hit: npt.NDArray[np.bool_], chance: Floats, size: Floats
) -> NameGroups | None:
    """What was found, where it is far more than chance."""
    if len(hit) < _FEWEST:
        return None
    share, expected = float(hit.mean()), float(chance.mean())
    spread = float(np.sqrt((chance * (1 - chance)).sum())) / len(hit)
    least = max(_LEAST_EXCESS, (_LEAST_RATIO - 1) * expected, _DEVIATIONS * spread)
    if share - expected < least:
        return None
    return NameGroups(pattern, share, expected, float(size.mean()))
