"""Candidates judged on rows that their fits did not see."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features
from headstart.heads.calibration import fit_temperature, log_loss, row_losses
from headstart.heads.candidates import (
    Candidate,
    by_what_they_see,
    features_of,
    seen_by,
)
from headstart.heads.catalog import make_head
from headstart.heads.ensemble import HeldOut, cross_fitted, pool_weights
from headstart.heads.fitting import one_thread_each
from headstart.heads.selection import CandidateScore
from headstart.heads.spectrum import Floats, Integers, Rows, blocks
from headstart.heads.whole_fits import WholeFits
from headstart.in_order import in_order
from headstart.layers import Array, run
from headstart.progress import Progress

# Fits begun before the last one's answers are asked for: nobody waits for a long one.
_AHEAD_PER_THREAD = 8
# Fewer independent rows of a fold cannot tell who leads.
_LEAST_GROUPS = 50
# Independent rows from which folds share what was found on all: of so many, those of one fold
# move a penalty too little to be flattered by it.
MANY_GROUPS = 1000

Room = Callable[[tuple[int, ...]], Array]
"""Where float32 of a shape go, all of them 0."""

_Fold = npt.NDArray[np.bool_]


def in_memory(shape: tuple[int, ...]) -> Array:
    """Room for what is not much."""
    return np.zeros(shape, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Job:
    """What one thread works on at a time.

    Args:
        own: Positions of candidates that see the same features.
        fold: bool [N], the rows they judge; None: they are fitted on all rows.
        whole: What their folds share, if anything.
    """

    own: list[int]
    fold: _Fold | None
    whole: WholeFits | None


def cross_validate(
    candidates: Sequence[Candidate],
    taps: Mapping[str, Features],
    y: Integers,
    groups: Integers,
    folds: Integers,
    seed: int,
    progress: Progress,
    threads: int = 1,
    race: bool = False,
    decomposed: dict[tuple[str, ...], Rows] | None = None,
    room: Room = in_memory,
) -> tuple[CandidateScore, ...]:
    """Score every row by heads fitted on the other folds.

    Of 1 000 independent rows and more the heads are fitted on all rows first: their coordinates
    and penalties serve all folds (`WholeFits`), and the layers are kept.

    Args:
        candidates: What to compare; an ensemble's members among them.
        taps: Tap name to float32 [N, D].
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together; they share a fold.
        folds: int [N], the fold in which each row is judged.
        seed: For heads that draw anything.
        progress: Told one step for each candidate and fold, and one for all rows where these are
            fitted first.
        threads: Fits worked on at once; the result does not depend on it.
        race: Whether candidates that no ensemble needs stop after the first fold, unless they
            lead there (`_leading`).
        decomposed: By names of taps: all rows as heads see them, where they were decomposed
            before. Those that are needed are taken out.
        room: Gives the place of all scores: with thousands of classes these are gigabytes.

    Returns:
        One entry for each candidate, in their order. A class that occurs in one fold only cannot
        be learnt by the fit that judges it: it gets scores below all others there, and its rows
        count as wrong, but neither for the temperature nor for the log loss.
    """
    fitted = [candidate for candidate in candidates if not candidate.members]
    masks = [folds == number for number in np.unique(folds)]
    learnable = _learnable(y, folds)
    alike = by_what_they_see(fitted)
    wholes: list[WholeFits | None] = [None] * len(alike)
    if len(np.unique(groups)) >= MANY_GROUPS:
        wholes = [
            WholeFits([fitted[k] for k in own], taps, y, groups, seed, decomposed) for own in alike
        ]
    table = _Table.of(room, len(fitted), len(y), int(y.max()) + 1)
    running = _Running(fitted, taps, y, groups, seed, wholes, table, progress, threads)
    first = learnable & masks[0]
    on_trial = _on_trial(candidates, fitted, groups[first]) if race else set()
    progress.start("comparing heads", len(fitted) * (len(masks) + (None not in wholes)))
    with one_thread_each():
        running.work(_jobs(alike, wholes, masks, on_trial))
        begun = (scores[first] for scores in table.scores)
        leaders = on_trial and _leading(begun, y[first]) & on_trial
        progress.advance((len(on_trial) - len(leaders)) * len(masks[1:]))
        # What their folds shared is decomposed again: to keep it all for one of them is too much.
        leading = [[k for k in own if k in leaders] for own in alike]
        kinds = [(own, whole) for own, whole in zip(leading, wholes, strict=True) if own]
        running.work([_Job(own, fold, whole) for own, whole in kinds for fold in masks[1:]])
        progress.stop()
        alone = {
            fitted[k]: _with_whole(table.score(k, fitted[k], y, learnable), whole)
            for own, whole in zip(alike, wholes, strict=True)
            for k in own
        }
        return tuple(
            _pooled(candidate, alone, y, folds, seed) if candidate.members else alone[candidate]
            for candidate in candidates
        )


@dataclass(frozen=True, eq=False)
class _Running:
    """A comparison under way: jobs are worked on, their answers go into the table.

    Args:
        fitted: The candidates, which the positions count.
        taps, y, groups, seed, progress, threads: As for `cross_validate`.
        wholes: What the folds of those that see the same share, if anything.
        table: What has been answered so far.
    """

    fitted: Sequence[Candidate]
    taps: Mapping[str, Features]
    y: Integers
    groups: Integers
    seed: int
    wholes: Sequence[WholeFits | None]
    table: _Table
    progress: Progress
    threads: int

    def work(self, jobs: Sequence[_Job]) -> None:
        for whole in filter(None, self.wholes):
            whole.expect(sum(job.whole is whole for job in jobs))
        found = in_order(self._judge, jobs, self.threads, _AHEAD_PER_THREAD, "comparing")
        for job, spent in zip(jobs, found, strict=True):
            self.table.seconds[job.own] += spent
            self.progress.advance(len(job.own))

    def _judge(self, job: _Job) -> list[float]:
        spent = self._answer(job)
        if job.whole is not None:
            job.whole.done()
        return spent

    def _answer(self, job: _Job) -> list[float]:
        some = [self.fitted[position] for position in job.own]
        if job.fold is None:
            assert job.whole is not None
            return [job.whole.fit(each) for each in some]
        data = (self.taps, self.y, self.groups)
        num_classes = self.table.scores.shape[2]
        answers, spent = _judge_fold(some, job.whole, *data, num_classes, self.seed, job.fold)
        # By the thread that has them: answers that wait for an earlier job's would be many.
        self.table.take(job.own, job.fold, answers)
        return spent


def _with_whole(score: CandidateScore, whole: WholeFits | None) -> CandidateScore:
    """Also what is known from the fit on all rows, where there was one."""
    if whole is None:
        return score
    each = score.candidate
    return replace(score, layers=whole.layers(each), left_out=whole.left_out(each))


def _jobs(
    alike: Sequence[list[int]],
    wholes: Sequence[WholeFits | None],
    folds: Sequence[_Fold],
    on_trial: set[int],
) -> list[_Job]:
    """In the order they are begun; those on trial judge the first fold only.

    The first candidates see most. Where all rows are decomposed for them, which takes longest,
    that is begun first, and their folds come last: nobody waits for it, and what others share is
    given back before.
    """
    kinds = []
    for own, whole in zip(alike, wholes, strict=True):
        needed = [k for k in own if k not in on_trial]
        jobs = [_Job(own, None, whole)] if whole else []
        jobs += [_Job(own, folds[0], whole)]
        jobs += [_Job(needed, fold, whole) for fold in folds[1:] if needed]
        kinds.append(jobs)
    begun = 1 if wholes[0] else len(kinds[0])
    return [*kinds[0][:begun], *(job for jobs in kinds[1:] for job in jobs), *kinds[0][begun:]]


@dataclass(frozen=True, eq=False)
class _Table:
    """What has been answered so far.

    Args:
        scores: float32 [K, N, C].
        judged: bool [K, N], which of them are there.
        seconds: float64 [K].
    """

    scores: Array
    judged: npt.NDArray[np.bool_]
    seconds: Floats

    @classmethod
    def of(cls, room: Room, num_candidates: int, num_rows: int, num_classes: int) -> _Table:
        shape = (num_candidates, num_rows)
        scores = room((*shape, num_classes))
        return cls(scores, np.zeros(shape, dtype=bool), np.zeros(num_candidates))

    def take(self, own: list[int], fold: _Fold, answers: Iterable[Array]) -> None:
        """The answers of some candidates about a fold's rows."""
        for k, scores in zip(own, answers, strict=True):
            self.scores[k, fold] = scores
            self.judged[k, fold] = True

    def score(
        self, k: int, candidate: Candidate, y: Integers, learnable: npt.NDArray[np.bool_]
    ) -> CandidateScore:
        """What became of one."""
        seconds = float(self.seconds[k])
        return _score(candidate, self.scores[k], y, learnable, self.judged[k], seconds)


def _on_trial(
    candidates: Sequence[Candidate], fitted: Sequence[Candidate], groups: Integers
) -> set[int]:
    """Positions of those that must show on the first fold that they are worth the others.

    Members of an ensemble are needed everywhere; without one every candidate is, for then the rule
    of choice has nothing else to choose from. And few rows show nothing.

    Args:
        candidates: All of them.
        fitted: Those that are no ensemble, which the positions count.
        groups: int [M], of the first fold's rows.
    """
    needed = {member for candidate in candidates for member in candidate.members}
    if not needed or len(np.unique(groups)) < _LEAST_GROUPS:
        return set()
    return {k for k, candidate in enumerate(fitted) if candidate not in needed}


def _leading(scores: Iterable[Array], y: Integers) -> set[int]:
    """Positions of those that make the fewest mistakes, and of equals have the lowest log loss.

    Beside the ensemble a candidate is chosen in the end only where it is clearly better: one that
    is not even the best here will hardly be that.

    Args:
        scores: K times float32 [M, C], of the first fold's rows.
        y: int [M].
    """
    found = [
        ((each.argmax(axis=1) != y).sum(), row_losses(each, y, fit_temperature(each, y)).sum())
        for each in scores
    ]
    wrong, losses = np.array(found).T
    losses[wrong > wrong.min()] = np.inf
    return set(np.flatnonzero(losses == losses.min()).tolist())


def _judge_fold(
    candidates: Sequence[Candidate],
    whole: WholeFits | None,
    taps: Mapping[str, Features],
    y: Integers,
    groups: Integers,
    num_classes: int,
    seed: int,
    judged: _Fold,
) -> tuple[Iterator[Array], list[float]]:
    """Scores [M, C] of one fold by each candidate fitted on the other rows, and its seconds.

    Args:
        candidates: All see the same features.
        whole: What folds share, if anything.
        taps: Tap name to float32 [N, D].
        y: int64 [N].
        groups: int64 [N].
        num_classes: C.
        seed: For heads that draw anything.
        judged: bool [N], the fold's M rows.
    """
    kept = np.flatnonzero(~judged)
    # A class that is missing among these rows has no column yet.
    present, index = np.unique(y[kept], return_inverse=True)
    rows: Rows | None = None
    fits, seconds = [], []
    for candidate in candidates:
        began = time.thread_time()
        layers = whole.without(candidate, kept, index) if whole else None
        if layers is None:
            rows = rows or Rows(features_of(candidate, taps, ~judged))
            layers = make_head(candidate.head, seed).fit_rows(rows, index, groups[kept]).layers_
        fits.append(layers)
        seconds.append(time.thread_time() - began)
    seen, asked = seen_by(candidates[0], taps), np.flatnonzero(judged)
    found = np.empty((len(fits), len(asked), len(present)), dtype=np.float32)
    for some in blocks(len(asked)):
        X = seen[asked[some]]
        for position, layers in enumerate(fits):
            began = time.thread_time()
            found[position, some] = run(layers, X)
            seconds[position] += time.thread_time() - began
    return (_all_columns(each, present, num_classes) for each in found), seconds


def _all_columns(found: Array, present: Integers, num_classes: int) -> Array:
    """Scores [M, C], those of missing classes below all others."""
    lowest = 2 * found.min() - found.max() - 1
    scores = np.full((len(found), num_classes), lowest, dtype=np.float32)
    scores[:, present] = found
    return scores


def _learnable(y: Integers, folds: Integers) -> npt.NDArray[np.bool_]:
    """Bool [N]: the row's class occurs in another fold too."""
    cells = np.unique(np.stack([y, folds]), axis=1)
    return np.asarray(np.bincount(cells[0])[y] > 1)


def _pooled(
    candidate: Candidate,
    judged: Mapping[Candidate, CandidateScore],
    y: Integers,
    folds: Integers,
    seed: int,
) -> CandidateScore:
    """An ensemble, from what its members did; its candidate has those left that count."""
    own = [judged[member] for member in candidate.members]
    held_out = HeldOut(
        tuple(score.scores for score in own), tuple(score.temperature for score in own)
    )
    usable = own[0].learnable
    weights = pool_weights(held_out, y, np.flatnonzero(usable), seed)
    kept = np.flatnonzero(weights)
    members = tuple(candidate.members[k] for k in kept)
    seen = {tap for member in members for tap in member.taps}
    counting = replace(
        candidate,
        taps=tuple(tap for tap in candidate.taps if tap in seen),
        members=members,
        weights=tuple(float(weights[k]) for k in kept),
        temperatures=tuple(own[k].temperature for k in kept),
    )
    seconds = sum(own[k].seconds for k in kept)
    scores = cross_fitted(held_out, y, folds, usable, seed)
    return _score(counting, scores, y, usable, np.ones(len(y), dtype=bool), seconds)


def _score(
    candidate: Candidate,
    scores: Array,
    y: Integers,
    learnable: npt.NDArray[np.bool_],
    judged: npt.NDArray[np.bool_],
    seconds: float,
) -> CandidateScore:
    if not learnable.any():  # a picture a class: every fold holds classes that its fit never saw
        learnable = np.ones_like(learnable)
    heard = learnable & judged
    answers, true = scores[heard], y[heard]
    temperature = fit_temperature(answers, true)
    return CandidateScore(
        candidate=candidate,
        scores=scores,
        temperature=temperature,
        correct=judged & (scores.argmax(axis=1) == y),
        log_loss=log_loss(answers, true, temperature),
        seconds=seconds,
        learnable=learnable,
        judged=judged,
    )
