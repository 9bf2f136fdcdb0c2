"""Copies: the same file twice, or nearly the same picture, also mirrored or turned."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Prints
from headstart.datasets.groups import union
from headstart.images.orientation import AS_IT_IS, TURNED, laid
from headstart.images.perceptual_hash import thumbnail_hashes

_HASH_BITS = 64
# A copy that was saved again, resized or brightened stays within both; other solar cells of the
# same module, or other slices of the same head, mostly do not.
_HASH_DISTANCE = 4
_CORRELATION = 0.98
_ENOUGH_FOR_A_MEAN = 50
_LEAST_CONTRAST = 2  # gray levels
_MOST_COMPARED = 4_000_000  # at a time
_ROWS_AT_ONCE = 16_384
_FEW = 48  # rows of a set that are compared all at once

Pairs = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of rows, int64 [P, 2], that together connect every set of copies.

    Args:
        exact: Byte for byte the same file: the first of them with each of the others.
        near: Nearly the same picture (other size, compression, brightness), not the same bytes.
        turned: Nearly the same picture of the same class, mirrored or turned by quarters, and not
            connected by ``near``.
    """

    exact: Pairs
    near: Pairs
    turned: Pairs

    @property
    def pairs(self) -> Pairs:
        """All kinds."""
        return np.concatenate([self.exact, self.near, self.turned])


def find_duplicates(prints: Prints, classes: Rows) -> Duplicates:
    """Copies among N pictures.

    A near copy has nearly the same hash, and its thumbnail the same light and dark places. What
    all pictures of the set share (the frame of a scanner, the bars of a solar cell) is taken away
    first: it is no evidence that two of them are the same. Turned copies are sought within a
    class alone: an arrow to the left that is mirrored is one to the right.

    Args:
        prints: Of the pictures.
        classes: int64 [N], class indices.
    """
    exact = same_bytes(prints.digests)
    different = np.setdiff1d(np.arange(len(prints.digests)), exact[:, 1])
    thumbnails = prints.thumbnails[different]
    patterns, hashes = _Patterns(thumbnails), prints.hashes[different]
    near = _alike_pairs(_Looks(hashes, patterns), _Looks(hashes, patterns))
    turned = _turned_pairs(patterns, thumbnails, classes[different])
    sets = union(len(different), near)
    fresh = turned[sets[turned[:, 0]] != sets[turned[:, 1]]]
    return Duplicates(exact, different[near], different[fresh])


def same_bytes(digests: tuple[bytes, ...] | list[bytes]) -> Pairs:
    """int64 [P, 2]: the first row with a digest, and each later one."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(digest, row), row) for row, digest in enumerate(digests)]
    return _as_pairs([pair for pair in pairs if pair[0] != pair[1]])


@dataclass(frozen=True, eq=False)
class _Looks:
    """What N pictures are compared by, laid one way.

    Args:
        hashes: uint64 [N].
        patterns: Of the thumbnails.
        way: As of `orientation.laid`.
        kinds: uint64 [N] below 2**48: only rows of one kind are compared; None: all of them.
    """

    hashes: npt.NDArray[np.uint64]
    patterns: _Patterns
    way: int = AS_IT_IS
    kinds: npt.NDArray[np.uint64] | None = None


def _turned_pairs(patterns: _Patterns, thumbnails: npt.NDArray[np.uint8], classes: Rows) -> Pairs:
    """Rows of one class alike when one of them is mirrored or turned.

    The hashes are the thumbnails' own: what is kept of a picture can be turned only there.
    """
    kinds = classes.astype(np.uint64)

    def looks(way: int) -> _Looks:
        return _Looks(thumbnail_hashes(laid(thumbnails, way)), patterns, way, kinds)

    plain = looks(AS_IT_IS)
    found = [_alike_pairs(plain, looks(way)) for way in TURNED]
    return np.unique(np.concatenate(found), axis=0)


def _alike_pairs(one: _Looks, other: _Looks) -> Pairs:
    """Rows i < j, row i of one alike in hash and pattern to row j of the other.

    Exact by the pigeonhole principle: hashes that differ in at most d bits are equal in at least
    one of d + 1 bands, so only rows that share a band are compared. Small sets of such rows are
    compared all at once; large ones in blocks: pictures that all look alike cost time, not memory.
    """
    number = len(one.hashes)
    edges = np.linspace(0, _HASH_BITS, _HASH_DISTANCE + 2).astype(int).tolist()
    found = [np.empty((0, 2), np.int64)]
    for low, high in itertools.pairwise(edges):
        bands = np.concatenate([_band(looks, low, high) for looks in (one, other)])
        order = np.argsort(bands, kind="stable")
        _, starts, sizes = np.unique(bands[order], return_index=True, return_counts=True)
        found += _few_at_once(one, other, bands, order[np.repeat(sizes <= _FEW, sizes)])
        for start, size in zip(starts[sizes > _FEW], sizes[sizes > _FEW], strict=True):
            rows = order[start : start + size]
            blocks = _blocks(one, rows[rows < number], other, rows[rows >= number] - number)
            found.append(_spanning(np.concatenate([found[0], *blocks]), len(rows)))
    return np.unique(np.concatenate(found), axis=0)


def _band(looks: _Looks, low: int, high: int) -> npt.NDArray[np.uint64]:
    """Some bits of each hash, and above them the row's kind."""
    band = (looks.hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
    return band if looks.kinds is None else band | looks.kinds << np.uint64(high - low)


def _few_at_once(
    one: _Looks, other: _Looks, bands: npt.NDArray[np.uint64], order: Rows
) -> Iterator[Pairs]:
    """Pairs within small sets of equal bands.

    Args:
        one: N rows.
        other: N rows.
        bands: uint64 [2 N], of the one, then of the other.
        order: int64 [M], rows of small sets, each set's side by side and rising.
    """
    number, values = len(one.hashes), bands[order]
    for apart in range(1, _FEW):
        same = values[apart:] == values[:-apart]
        if not same.any():
            return
        first, second = order[:-apart][same], order[apart:][same] - number
        between = first < second  # and so the first is of the one, the second of the other
        i, j = first[between], second[between]
        near = np.bitwise_count(one.hashes[i] ^ other.hashes[j]) <= _HASH_DISTANCE
        i, j = i[near], j[near]
        for start in range(0, len(i), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            patterns = one.patterns.of(i[some], one.way), other.patterns.of(j[some], other.way)
            alike = np.einsum("np,np->n", *patterns) >= _CORRELATION
            yield np.stack([i[some][alike], j[some][alike]], axis=1)


def _blocks(one: _Looks, mine: Rows, other: _Looks, theirs: Rows) -> Iterator[Pairs]:
    """Pairs i < j, block by block; both sets of rows rise."""
    rows_at_once = max(1, _MOST_COMPARED // max(1, len(theirs)))
    for start in range(0, len(mine), rows_at_once):
        block = mine[start : start + rows_at_once]
        later = theirs[np.searchsorted(theirs, block[0], side="right") :]
        if not len(later):
            return
        alike = one.patterns.of(block, one.way) @ other.patterns.of(later, other.way).T
        distance = np.bitwise_count(one.hashes[block][:, None] ^ other.hashes[later][None, :])
        near = (alike >= _CORRELATION) & (distance <= _HASH_DISTANCE)
        rows, columns = np.nonzero(near & (block[:, None] < later[None, :]))
        pairs = np.stack([block[rows], later[columns]], axis=1)
        yield _spanning(pairs, len(block) + len(later))


def _spanning(pairs: Pairs, number: int) -> Pairs:
    """The pairs; of a great many among a number of rows, no more than connect the same rows."""
    if len(pairs) <= 2 * number:
        return pairs
    rows, places = np.unique(pairs, return_inverse=True)
    member = union(len(rows), places.reshape(-1, 2))
    _, first = np.unique(member, return_index=True)
    star = np.stack([rows[first[member]], rows], axis=1)
    return np.asarray(star[star[:, 0] != star[:, 1]])


class _Patterns:
    """Each thumbnail, free of brightness, contrast, and the mean of all.

    Made when they are compared: of all pictures at once they would be the largest thing in memory.
    With few pictures the mean is mostly the pictures themselves, so it is taken away only where
    it is the mean of many.

    Args:
        thumbnails: uint8 [N, P].
    """

    def __init__(self, thumbnails: npt.NDArray[np.uint8]) -> None:
        self._thumbnails = thumbnails
        self._mean = np.zeros(thumbnails.shape[1], np.float32)
        if len(thumbnails) >= _ENOUGH_FOR_A_MEAN:
            blocks = np.array_split(thumbnails, 1 + len(thumbnails) // 4096)
            sums = [_contrast(block)[0].sum(axis=0) for block in blocks]
            self._mean = np.asarray(np.sum(sums, axis=0) / np.float32(len(thumbnails)))

    def of(self, which: Rows, way: int = AS_IT_IS) -> npt.NDArray[np.float32]:
        """float32 [len(which), P], rows of length 1; zeros for a blank page: it is like nothing.

        Args:
            which: Rows.
            way: How they are laid, as of `orientation.laid`.
        """
        pixels, flat = _contrast(laid(self._thumbnails[which], way))
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
