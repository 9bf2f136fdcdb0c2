"""Whether file names hold groups: pictures of one patient, burst or source, that look alike.

A name says nothing by itself. It is asked whether the picture most alike, of the same class, has
the same beginning of its name, or stands beside it in the order of files, more often than chance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headstart.audit.siblings import is_far_nearer
from headstart.feature_rows import Features, Selected
from headstart.metrics.nearness import NEIGHBOURS, Groups, directions, nearest

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# What may name a group, searched in the path below the dataset. Those that keep the path in front
# come first: numbers begin anew in other folders, and then tell nothing of each other.
_KEEP_PATH = (
    r"^(.*[^/])\.rf\.",  # Roboflow's versions of one source
    r"^(.+)/[^/]+$",  # the folder
    r"^((?:.*/)?[^/\d]*\d+)\D[^/]*$",  # up to the first number of the name
    r"^(.*[^/])[-_. ()]+[^-_. ()/]+\.\w+$",  # all but the last word
    r"^(.*[^/])[-_. ()]+[^-_. ()/]+[-_. ()]+[^-_. ()/]+\.\w+$",  # all but the last two
)
# The same without the path, for versions that lie in several folders.
_DROP_PATH = {
    r"([^/]+)\.rf\.": _KEEP_PATH[0],
    r"(?:^|/)([^/\d]*\d+)\D[^/]*$": _KEEP_PATH[2],
    r"([^/]+)[-_. ()]+[^-_. ()/]+\.\w+$": _KEEP_PATH[3],
    r"([^/]+)[-_. ()]+[^-_. ()/]+[-_. ()]+[^-_. ()/]+\.\w+$": _KEEP_PATH[4],
}
BESIDE = 5  # files before or after, of the same class
_FEWEST, _MOST = 20, 4000  # pictures
# All must hold: chance is ruled out, names explain much, and more than classes do.
_DEVIATIONS = 5.0
_LEAST_EXCESS = 0.1
_LEAST_RATIO = 2.0
# To be kept together unasked: share above chance, share of siblings, pictures of a group; and so
# little by chance that a class has some five groups, for with fewer nothing can be judged.
_MUCH, _MOSTLY, _SMALL, _HARDLY = 0.5, 0.5, 12.0, 0.25


@dataclass(frozen=True)
class NameGroups:
    """What names tell of which pictures look alike.

    Args:
        pattern: A regular expression that finds the groups; ``""``: the order of files tells it.
        share: Of pictures whose nearest of the class is of their group, or beside them, 0..1.
        chance: The same if names meant nothing.
        siblings: Share of pictures whose nearest of the class is of their group, and far nearer
            than the others of the class.
        size: Mean number of pictures of the class in a picture's group.
        is_sure_of_folders: False where groups reach over folders, and the nearest of hardly any
            picture lies in another one.
    """

    pattern: str
    share: float
    chance: float
    siblings: float
    size: float
    is_sure_of_folders: bool = True

    @property
    def is_certain(self) -> bool:
        """Whether the groups are kept together unasked.

        Larger ones, and those whose pictures are not far nearer to one another than to others, may
        be kinds within a class, all of which are to be learnt.
        """
        is_known = self.share - self.chance >= _MUCH and self.siblings >= _MOSTLY
        is_small = self.size <= _SMALL and self.chance <= _HARDLY
        return bool(self.pattern) and is_known and is_small and self.is_sure_of_folders


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Of each picture the nearest of its class.

    Args:
        rows: int64 [N]; -1 where there is none.
        far_nearer: bool [N], than the others of the class.
    """

    rows: Rows
    far_nearer: Flags


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
    near = _nearest_of_class(features, y, groups)
    asked = {
        pattern: _by_pattern(pattern, names, near, y, groups)
        for pattern in (*_KEEP_PATH, *_DROP_PATH)
    }
    found = [_with_folders(one, asked) for one in asked.values() if one is not None]
    best = max(found, key=lambda one: (one.is_certain, one.share - one.chance), default=None)
    return best or _in_order(near, y)


def _with_folders(one: NameGroups, asked: Mapping[str, NameGroups | None]) -> NameGroups:
    """Whether groups that reach over folders should: more know theirs than with the path."""
    if one.pattern not in _DROP_PATH:
        return one
    within = asked[_DROP_PATH[one.pattern]]
    gain = one.share - (within.share if within else 0.0)
    return replace(one, is_sure_of_folders=gain >= _LEAST_EXCESS)


def _first_of_classes(names: Sequence[str], y: Rows) -> Rows:
    """Rows in the order of files: so many of each class that they can be compared in a moment."""
    order = np.array(sorted(range(len(names)), key=lambda row: _natural(names[row])), np.int64)
    each = max(_FEWEST, _MOST // max(1, len(np.unique(y))))
    return np.concatenate([order[y[order] == label][:each] for label in np.unique(y)])


def _nearest_of_class(features: Features, y: Rows, groups: Groups) -> _Nearest:
    """Rows of another group only."""
    mates, far_nearer = np.full(len(y), -1), np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        units = directions(Selected(features, rows))
        near = nearest(
            units, groups[rows], units, groups[rows], max(1, min(NEIGHBOURS, len(rows) - 1))
        )
        some = np.isfinite(near.similarity[:, 0])
        mates[rows[some]] = rows[near.rows[some, 0]]
        far_nearer[rows] = is_far_nearer(near)
    return _Nearest(mates, far_nearer)


def _by_pattern(
    pattern: str, names: Sequence[str], near: _Nearest, y: Rows, groups: Groups
) -> NameGroups | None:
    """What a pattern tells; a picture that it finds no group for does not know its own."""
    search = re.compile(pattern).search
    named = np.array([match.group(1) if (match := search(name)) else "" for name in names])
    group = np.unique(named, return_inverse=True)[1]
    rows = np.flatnonzero(near.rows >= 0)
    hit = (group[near.rows[rows]] == group[rows]) & (named[rows] != "")
    chance = np.where(named[rows] == "", 0.0, _share_of_group(group, y, groups)[rows])
    siblings = hit & near.far_nearer[rows]
    return _beyond_chance(pattern, hit, chance, siblings, _alike(y, group)[rows][named[rows] != ""])


def _share_of_group(group: Rows, y: Rows, groups: Groups) -> Floats:
    """Of those a row may be nearest to, its class without its copies: how many are of its group."""
    copies = np.unique(groups, return_inverse=True)[1]
    mates = _alike(y, group) - _alike(y, group, copies)
    return np.asarray(mates / np.maximum(1, _alike(y) - _alike(y, copies)))


def _alike(*keys: Rows) -> Floats:
    """How many rows have the same keys as each row, itself among them."""
    _, where, counts = np.unique(np.stack(keys), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(counts[where.ravel()], dtype=np.float64)


def _in_order(near: _Nearest, y: Rows) -> NameGroups | None:
    """Whether it stands beside: frames of a film, slices of a scan, cells of a module.

    Rows are in the order of files, class by class.
    """
    rows = np.flatnonzero(near.rows >= 0)
    hit = np.abs(near.rows[rows] - rows) <= BESIDE
    beside = np.full(len(rows), 2.0 * BESIDE)
    chance = np.minimum(1.0, beside / np.maximum(1, _alike(y)[rows] - 1))
    return _beyond_chance("", hit, chance, hit & near.far_nearer[rows], beside + 1)


def _natural(name: str) -> list[tuple[str, int]]:
    """A key by which picture 9 comes before picture 10."""
    return [(text, int(part or 0)) for text, part in re.findall(r"(\D*)(\d*)", name)]


def _beyond_chance(
    pattern: str, hit: Flags, chance: Floats, siblings: Flags, size: Floats
) -> NameGroups | None:
    """What was found, where it is far more than chance."""
    if len(hit) < _FEWEST or not len(size):
        return None
    share, expected = float(hit.mean()), float(chance.mean())
    spread = float(np.sqrt((chance * (1 - chance)).sum())) / len(hit)
    least = max(_LEAST_EXCESS, (_LEAST_RATIO - 1) * expected, _DEVIATIONS * spread)
    if share - expected < least:
        return None
    return NameGroups(pattern, share, expected, float(siblings.mean()), float(size.mean()))
