"""Copies: the same file twice, or nearly the same picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Facts
from headstart.datasets.groups import union

_HASH_BITS = 64
# A copy that was saved again, resized or brightened stays within both; other solar cells of the
# same module, or other slices of the same head, mostly do not.
_HASH_DISTANCE = 4
_CORRELATION = 0.98
_ENOUGH_FOR_A_MEAN = 50
_LEAST_CONTRAST = 2  # gray levels
_MOST_COMPARED = 4_000_000  # at a time

Pairs = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of rows, int64 [P, 2], that together connect every set of copies.

    Args:
        exact: Byte for byte the same file: the first of them with each of the others.
        near: Nearly the same picture (other size, compression, brightness), not the same bytes.
    """

    exact: Pairs
    near: Pairs

    @property
    def pairs(self) -> Pairs:
        """Both kinds."""
        return np.concatenate([self.exact, self.near])


def find_duplicates(facts: Facts) -> Duplicates:
    """Copies among N pictures.

    A near copy has nearly the same hash, and its thumbnail the same light and dark places. What
    all pictures of the set share (the frame of a scanner, the bars of a solar cell) is taken away
    first: it is no evidence that two of them are the same.
    """
    exact = same_bytes(facts.digests)
    different = np.setdiff1d(np.arange(len(facts.digests)), exact[:, 1])
    near = _near_pairs(facts.hashes[different], _Patterns(facts.thumbnails, different))
    return Duplicates(exact, different[near])


def same_bytes(digests: tuple[bytes, ...] | list[bytes]) -> Pairs:
    """int64 [P, 2]: the first row with a digest, and each later one."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(digest, row), row) for row, digest in enumerate(digests)]
    return _as_pairs([pair for pair in pairs if pair[0] != pair[1]])


def _near_pairs(hashes: npt.NDArray[np.uint64], patterns: _Patterns) -> Pairs:
    """Rows alike in hash and pattern; exact by the pigeonhole principle.

    Hashes that differ in at most d bits are equal in at least one of d + 1 bands, so only rows
    that share a band are compared, in blocks: a set whose pictures all look alike costs time, not
    memory.
    """
    edges = np.linspace(0, _HASH_BITS, _HASH_DISTANCE + 2).astype(int).tolist()
    found = [np.empty((0, 2), np.int64)]
    for low, high in itertools.pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        for rows in _sharing(band):
            found += [rows[pairs] for pairs in _alike(hashes[rows], patterns.of(rows))]
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _sharing(values: npt.NDArray[np.uint64]) -> Iterator[Rows]:
    """Sets of two or more rows with the same value."""
    order = np.argsort(values, kind="stable")
    changes = np.flatnonzero(np.diff(values[order])) + 1
    return (rows for rows in np.split(order, changes) if len(rows) > 1)


def _alike(hashes: npt.NDArray[np.uint64], patterns: npt.NDArray[np.float32]) -> Iterator[Pairs]:
    """Pairs i < j, block by block."""
    rows_at_once = max(1, _MOST_COMPARED // len(hashes))
    for start in range(0, len(hashes), rows_at_once):
        end = min(start + rows_at_once, len(hashes))
        alike = patterns[start:end] @ patterns[:end].T >= _CORRELATION
        distance = np.bitwise_count(hashes[start:end, None] ^ hashes[None, :end])
        alike &= distance <= _HASH_DISTANCE
        later, earlier = np.nonzero(np.tril(alike, start - 1))
        yield _spanning(np.stack([earlier, later + start], axis=1), end)


def _spanning(pairs: Pairs, number: int) -> Pairs:
    """The pairs; of a great many, no more than connect the same rows."""
    if len(pairs) <= 2 * number:
        return pairs
    member = union(number, pairs)
    _, first = np.unique(member, return_index=True)
    star = np.stack([first[member], np.arange(number)], axis=1)
    return np.asarray(star[star[:, 0] != star[:, 1]])


class _Patterns:
    """Each thumbnail, free of brightness, contrast, and the mean of all.

    Made when they are compared: of all pictures at once they would be the largest thing in memory.
    With few pictures the mean is mostly the pictures themselves, so it is taken away only where
    it is the mean of many.

    Args:
        thumbnails: uint8 [N, P].
        rows: Those that are compared.
    """

    def __init__(self, thumbnails: npt.NDArray[np.uint8], rows: Rows) -> None:
        self._thumbnails, self._rows = thumbnails, rows
        self._mean = np.zeros(thumbnails.shape[1], np.float32)
        if len(rows) >= _ENOUGH_FOR_A_MEAN:
            blocks = np.array_split(rows, 1 + len(rows) // 4096)
            sums = [_contrast(thumbnails[block])[0].sum(axis=0) for block in blocks]
            self._mean = np.asarray(np.sum(sums, axis=0) / np.float32(len(rows)))

    def of(self, which: Rows) -> npt.NDArray[np.float32]:
        """float32 [len(which), P], rows of length 1; zeros for a blank page: it is like nothing."""
        pixels, flat = _contrast(self._thumbnails[self._rows[which]])
        pixels -= self._mean
        pixels[flat] = 0
        return _unit(pixels)


def _contrast(
    thumbnails: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Thumbnails as rows of mean 0 and length 1, and which of them are blank."""
    pixels = thumbnails.astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    flat = np.abs(pixels).max(axis=1, initial=0) < _LEAST_CONTRAST
    return _unit(pixels), flat


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def _as_pairs(pairs: list[tuple[int, int]]) -> Pairs:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
