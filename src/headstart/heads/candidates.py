"""What is compared: a head and the taps it sees, alone or pooled with others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features, Room, room_beside
from headstart.heads.catalog import PUBLISHED
from headstart.heads.ensemble import ENSEMBLE, MEMBERS
from headstart.layers import Array, Root

_ALL_TAPS = ("ridge", "softmax", "discriminant")
_BLOCK = 4_000_000  # numbers copied at a time


_NAMED = 3  # members of an ensemble, in words


@dataclass(frozen=True)
class Candidate:
    """A head and the taps whose features it sees, side by side.

    Args:
        head: A key of ``catalog.HEADS`` or ``catalog.PUBLISHED``, or ``"ensemble"``.
        taps: One or more tap names.
        earlier: Whether the one tap is not the backbone's last.
        members: Of an ensemble: candidates that see some of its taps, which stand together.
        weights: Of an ensemble that was judged: how much each member's log probabilities count.
        temperatures: Likewise: each member's.
    """

    head: str
    taps: tuple[str, ...]
    earlier: bool = False
    members: tuple[Candidate, ...] = ()
    weights: tuple[float, ...] = ()
    temperatures: tuple[float, ...] = ()

    @property
    def is_rooted(self) -> bool:
        """Whether its head sees the root of the features."""
        return self.head not in PUBLISHED

    @property
    def name(self) -> str:
        """For tables: ``"ridge"`` (last tap), ``"ridge · all taps"`` or ``"ridge · stage5"``."""
        if self.head == ENSEMBLE:
            return self.head
        if len(self.taps) > 1:
            return f"{self.head} · all taps"
        return f"{self.head} · {self.taps[0]}" if self.earlier else self.head

    @property
    def shares(self) -> dict[str, float]:
        """Of an ensemble that was judged: each member's share by its name, the largest first."""
        pairs = zip((member.name for member in self.members), self.weights, strict=True)
        total = sum(self.weights)
        return {name: w / total for name, w in sorted(pairs, key=lambda pair: -pair[1])}

    @property
    def words(self) -> str:
        """Its name; of an ensemble also what most of it is."""
        if not self.weights:
            return self.name
        parts = [f"{100 * share:.0f} % {name}" for name, share in self.shares.items()]
        others = len(parts) - _NAMED
        more = [f"{others} other{'s' * (others > 1)}"] if others > 0 else []
        return f"{self.name} ({', '.join([*parts[:_NAMED], *more])})"


def default_candidates(taps: Sequence[str], heads: Sequence[str]) -> tuple[Candidate, ...]:
    """Some heads on all taps side by side, every head on the last tap, ridge on each earlier one.

    The order decides between candidates that cannot be told apart: all taps first, because on
    eight of nine picture sets (none of them used to test this package) they were the best frozen
    features for a linear head. Earlier taps stand last, the deepest first: a network cut there is
    faster, but they are taken only where the pictures show that they serve better.

    Args:
        taps: Tap names, the deepest last.
        heads: Keys of ``catalog.HEADS``.
    """
    every = [Candidate(head, tuple(taps)) for head in heads if head in _ALL_TAPS]
    last = [Candidate(head, (taps[-1],)) for head in heads]
    earlier = [Candidate("ridge", (tap,), earlier=True) for tap in reversed(taps[:-1])]
    return (
        *(every if len(taps) > 1 else ()),
        *last,
        *(earlier if "ridge" in heads else ()),
    )


def ensemble_of(candidates: Sequence[Candidate], taps: Sequence[str]) -> Candidate | None:
    """Those of the candidates that can be pooled, as one; None if they are fewer than two.

    Args:
        candidates: What is compared.
        taps: All tap names, the deepest last.
    """
    members = tuple(
        each for each in candidates if each.head in MEMBERS and set(each.taps) <= set(taps)
    )
    return Candidate(ENSEMBLE, tuple(taps), members=members) if len(members) > 1 else None


def rooted(X: Array) -> Array:
    """Every feature's square root, its sign kept: what our own heads are fitted on here.

    Pooled activations are mostly small, with a long tail; the root keeps the tail from outweighing
    the rest. By cross-validation inside the training parts of five picture sets (averages, stages
    read as means alone): ridge +0.2 points on all taps and +0.5 on the last, log loss 3 and 8 %
    lower; softmax +0.2 and +0.4; SVM and network +0.2 to +0.5; nearest mean -1.0.

    Source:
        Perronnin, Sánchez, Mensink 2010, "Improving the Fisher kernel for large-scale image
        classification", §3.3 (power normalisation).
    """
    return Root().run(X)


def side_by_side(taps: Mapping[str, Features], names: Sequence[str]) -> Array:
    """float32 [N, sum of D]: the features of several taps, in the order of ``names``."""
    return np.concatenate([taps[name][:] for name in names], axis=1)


def by_what_they_see(
    candidates: Sequence[Candidate], positions: Iterable[int] | None = None
) -> list[list[int]]:
    """Positions of the candidates, those together whose heads are fitted on the same features.

    Args:
        candidates: All of them.
        positions: Those asked for; None: every one.
    """
    seen: dict[tuple[tuple[str, ...], bool], list[int]] = {}
    for position in sorted(range(len(candidates)) if positions is None else positions):
        each = candidates[position]
        seen.setdefault((each.taps, each.is_rooted), []).append(position)
    return list(seen.values())


@dataclass(frozen=True, eq=False)
class Seen:
    """What a candidate's head sees, written out when it is asked for: there may be many rows.

    Args:
        taps: Each float32 [N, D of its own], side by side.
        is_rooted: Whether the root is seen.
    """

    taps: tuple[Features, ...]
    is_rooted: bool

    @property
    def shape(self) -> tuple[int, int]:
        """N, and the sum of D."""
        return len(self), sum(values.shape[1] for values in self.taps)

    def __len__(self) -> int:
        return len(self.taps[0])

    def __getitem__(self, some: slice | npt.NDArray[np.int64]) -> Array:
        X = np.concatenate([values[some] for values in self.taps], axis=1)
        return rooted(X) if self.is_rooted else X

    def room_beside(self, shape: tuple[int, int]) -> Room:
        """As `feature_rows.room_beside`."""
        return room_beside(self.taps[0], shape)


def seen_by(candidate: Candidate, taps: Mapping[str, Features]) -> Seen:
    """float32 [N, D]: what the candidate's head sees.

    Args:
        candidate: No ensemble.
        taps: Tap name to float32 [N, D].
    """
    return Seen(tuple(taps[name] for name in candidate.taps), candidate.is_rooted)


def features_of(
    candidate: Candidate, taps: Mapping[str, Features], rows: npt.NDArray[np.bool_] | None = None
) -> Array:
    """float32 [N, D]: what the candidate's head sees, of all rows or of some.

    Written block by block into the place where it stays: of many pictures no copy is to spare.
    """
    seen = seen_by(candidate, taps)
    where = np.arange(len(seen)) if rows is None else np.flatnonzero(rows)
    X = np.empty((len(where), seen.shape[1]), np.float32)
    at_once = max(1, _BLOCK // X.shape[1])
    for start in range(0, len(X), at_once):
        some = slice(start, start + at_once)
        X[some] = seen[where[some]]
    return X
