"""What must not be split apart: groups named by people, and copies, as one number a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def union(number: int, pairs: Rows) -> Rows:
    """Rows that pairs connect, directly or over others.

    Args:
        number: N, how many rows there are.
        pairs: int64 [P, 2], rows that belong together.

    Returns:
        int64 [N]: the number of each row's set, counted from 0 by first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(number, number))
    _, sets = connected_components(graph, directed=False)
    return _by_first_appearance(sets)


def merge_groups(named: tuple[str, ...], pairs: Rows) -> Rows:
    """Groups from names and from copies: what either connects is one group.

    Args:
        named: A group's name for each row, ``""`` where none was given.
        pairs: int64 [P, 2], rows that are copies of each other.

    Returns:
        int64 [N]: the number of each row's group, counted from 0 by first appearance.
    """
    first: dict[str, int] = {}
    same_name = [(first.setdefault(name, row), row) for row, name in enumerate(named) if name]
    both = [np.asarray(same_name, dtype=np.int64).reshape(-1, 2), np.asarray(pairs).reshape(-1, 2)]
    return union(len(named), np.concatenate(both).astype(np.int64))


def one_name_each(sets: Iterable[Collection[str]]) -> dict[str, str]:
    """What groups are called that are one: a picture of two groups makes one of them.

    Args:
        sets: The names that were given to each picture.

    Returns:
        Every name that is one of several, and the first in the alphabet of those.
    """
    several = [sorted(names) for names in sets if len(names) > 1]
    names = sorted({name for names in several for name in names})
    place = {name: k for k, name in enumerate(names)}
    pairs = [(place[first], place[name]) for first, *others in several for name in others]
    number = union(len(names), np.array(pairs, dtype=np.int64)) if pairs else np.arange(0)
    first: dict[int, str] = {}
    return {name: first.setdefault(k, name) for name, k in zip(names, number.tolist(), strict=True)}


def _by_first_appearance(sets: npt.NDArray[np.int32]) -> Rows:
    _, first, inverse = np.unique(sets, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse], dtype=np.int64)
