"""Heads fitted on all rows at once, from which those of the folds follow.

Decomposing the rows is most of what a linear head costs. One decomposition serves all folds: no
label has a part in it. So do the settings found on all rows, where these are many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features
from headstart.heads.candidates import Candidate, features_of, seen_by
from headstart.heads.catalog import make_head
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectral import SpectralHead
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Layer

_MOST_WRITTEN = 24_000_000  # numbers; of more, the rows are written out whenever they are needed


class WholeFits:
    """Of candidates that see the same features: those that all folds can share.

    Any number of threads may ask: one that needs a head which another is fitting waits for that
    head alone.

    Args:
        candidates: No ensembles.
        taps: Tap name to float32 [N, D].
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together.
        seed: For heads that draw anything.
        decomposed: By names of taps: rows as heads see them, decomposed before; it is taken out.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        taps: Mapping[str, Features],
        y: Integers,
        groups: Integers,
        seed: int,
        decomposed: dict[tuple[str, ...], Rows] | None = None,
    ) -> None:
        heads = {candidate: make_head(candidate.head, seed) for candidate in candidates}
        self._heads = {each: h for each, h in heads.items() if isinstance(h, SpectralHead)}
        self._fitting = {each: threading.Lock() for each in self._heads}
        self._fitted: set[Candidate] = set()
        self._left_out: dict[Candidate, npt.NDArray[np.bool_]] = {}
        self._taps, self._y, self._groups = taps, y, groups
        first = candidates[0]
        known = (decomposed or {}).pop(first.taps, None) if first.is_rooted else None
        is_much = known is not None and known.X.shape[0] * known.X.shape[1] > _MOST_WRITTEN
        self._rows = None if is_much else known
        self._num_users = 0
        self._lock = threading.Lock()  # of the rows, held for a moment

    def fit(self, candidate: Candidate) -> float:
        """The seconds of a core that it took: none where folds have no need of it."""
        head = self._heads.get(candidate)
        if head is None or not head.has_settings:
            return 0.0
        with self._fitting[candidate]:
            if candidate in self._fitted:
                return 0.0
            began = time.thread_time()
            head.fit_rows(self._rows_for(candidate), self._y, self._groups)
            if isinstance(head, RidgeHead):
                self._left_out[candidate] = head.loo_scores_.argmax(axis=1) == self._y
                del head.loo_scores_  # With thousands of classes all of them are gigabytes.
            self._fitted.add(candidate)
            return time.thread_time() - began

    def layers(self, candidate: Candidate) -> tuple[Layer, ...]:
        """Of the head fitted on all rows; none if there is no such head."""
        return self._heads[candidate].layers_ if candidate in self._fitted else ()

    def left_out(self, candidate: Candidate) -> npt.NDArray[np.bool_] | None:
        """Bool [N]: what a ridge regression fitted on all rows has right without a row's group."""
        return self._left_out.get(candidate)

    def without(
        self, candidate: Candidate, kept: Integers, y: Integers
    ) -> tuple[Layer, ...] | None:
        """The layers of a head fitted on some of the rows; None if folds cannot share it.

        Args:
            candidate: One of these.
            kept: int64 [M], the rows.
            y: int [M], their class indices; every one from 0 to the largest occurs.
        """
        head = self._heads.get(candidate)
        if head is None:
            return None
        self.fit(candidate)
        return head.fit_some(self._rows_for(candidate), kept, y)

    def expect(self, num_users: int) -> None:
        """So many will say that they are `done`; rows are many, and go with the last of them."""
        with self._lock:
            self._num_users = num_users

    def done(self) -> None:
        """One user less. Whoever asks after the last one has the rows decomposed again."""
        with self._lock:
            self._num_users -= 1
            if self._num_users == 0:
                self._rows = None

    def _rows_for(self, candidate: Candidate) -> Rows:
        with self._lock:
            if self._rows is None:
                self._rows = _rows_of(candidate, self._taps)
            return self._rows


def _rows_of(candidate: Candidate, taps: Mapping[str, Features]) -> Rows:
    seen = seen_by(candidate, taps)
    is_much = len(seen) * seen.shape[1] > _MOST_WRITTEN
    return Rows(seen if is_much else features_of(candidate, taps))
