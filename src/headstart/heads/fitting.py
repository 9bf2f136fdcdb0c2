"""The chosen candidate, fitted on all rows."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from headstart.feature_rows import Features
from headstart.heads.candidates import Candidate, by_what_they_see, features_of
from headstart.heads.catalog import make_head
from headstart.heads.fitted import FittedHead
from headstart.heads.spectrum import Integers, Rows
from headstart.in_order import in_order
from headstart.layers import Layer, Pool, Root


def fit_chosen(
    candidate: Candidate,
    taps: Mapping[str, Features],
    y: Integers,
    groups: Integers,
    temperature: float,
    seed: int,
    threads: int = 1,
    known: Mapping[Candidate, tuple[Layer, ...]] | None = None,
) -> FittedHead:
    """The candidate's head, fitted on all rows; it takes features as they are.

    Args:
        candidate: As chosen.
        taps: Tap name to float32 [N, D]; the head sees the candidate's taps side by side.
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together.
        temperature: As found by ``cross_validate``: no row is left here to find it on.
        seed: For heads that draw anything.
        threads: Members of an ensemble fitted at once; the result does not depend on it.
        known: Layers of heads that are fitted on these rows already.
    """
    singles = candidate.members or (candidate,)
    branches = {k: known[each] for k, each in enumerate(singles) if known and each in known}
    jobs = by_what_they_see(singles, set(range(len(singles))) - set(branches))

    def fit(own: list[int]) -> list[tuple[Layer, ...]]:
        rows = Rows(features_of(singles[own[0]], taps))
        heads = [make_head(singles[position].head, seed) for position in own]
        return [head.fit_rows(rows, y, groups).layers_ for head in heads]

    with one_thread_each():  # As in `cross_validate`.
        # A thread beside this one only where there is more than one head to fit.
        fits = in_order(fit, jobs, threads, 1, "fitting") if candidate.members else map(fit, jobs)
        for own, found in zip(jobs, fits, strict=True):
            branches |= zip(own, found, strict=True)
    ordered = tuple(branches[position] for position in range(len(singles)))
    head = _pool(candidate, ordered, taps) if candidate.members else ordered[0]
    return FittedHead((Root(), *head) if candidate.is_rooted else head, temperature)


def _pool(
    candidate: Candidate, branches: tuple[tuple[Layer, ...], ...], taps: Mapping[str, Features]
) -> tuple[Layer, ...]:
    ends = np.cumsum([0, *(taps[name].shape[1] for name in candidate.taps)]).tolist()
    columns = []
    for member in candidate.members:
        first = candidate.taps.index(member.taps[0])
        columns.append((ends[first], ends[first + len(member.taps)]))
    pairs = zip(candidate.weights, candidate.temperatures, strict=True)
    return (Pool(branches, tuple(columns), tuple(weight / t for weight, t in pairs)),)


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """One thread of linear algebra for each fold, and no word of fits that were not at their end.

    Several threads would wait for one another, and sums would depend on their number. That a
    published head stops early is as published; warnings can only be turned off for all folds.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
