"""Heads compared on the same rows, and the choice of one."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from headstart.heads.calibration import fit_temperature, log_loss, row_losses
from headstart.heads.catalog import PUBLISHED, make_head
from headstart.heads.ensemble import ENSEMBLE, MEMBERS, HeldOut, cross_fitted, pool_weights
from headstart.heads.fitted import FittedHead
from headstart.heads.spectrum import Floats, Integers, Rows
from headstart.in_order import in_order
from headstart.layers import Array, Layer, Pool, Root
from headstart.progress import Progress

Rule = Callable[[Floats], Integers]

_ALL_TAPS = ("ridge", "softmax", "discriminant")
# Fits begun before the last one's answers are asked for: nobody waits for a long one.
_AHEAD_PER_THREAD = 8


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
        """Its name; of an ensemble also what it is made of."""
        parts = (f"{100 * share:.0f} % {name}" for name, share in self.shares.items())
        return f"{self.name} ({', '.join(parts)})" if self.weights else self.name


@dataclass(frozen=True, eq=False)
class CandidateScore:
    """What a candidate did on rows that its fits did not see.

    Args:
        candidate: What was fitted.
        scores: float32 [N, C], each row's by the fit without its fold.
        temperature: The one with the lowest log loss on the scores of the learnable rows.
        correct: bool [N], whether the largest score is the true class's.
        log_loss: In nats, of the learnable rows, after the temperature.
        seconds: Of one processor core, spent fitting and scoring; work shared with other
            candidates counts for the first of them.
        learnable: bool [N], whether the fit that judged the row knew its class. A row whose class
            it never saw is wrong, but says nothing about how sure the scores may be.
    """

    candidate: Candidate
    scores: Array
    temperature: float
    correct: npt.NDArray[np.bool_]
    log_loss: float
    seconds: float
    learnable: npt.NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of rows that are right."""
        return float(self.correct.mean())


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


def cross_validate(
    candidates: Sequence[Candidate],
    taps: Mapping[str, Array],
    y: Integers,
    groups: Integers,
    folds: Integers,
    seed: int,
    progress: Progress,
    threads: int = 1,
) -> tuple[CandidateScore, ...]:
    """Score every row by heads fitted on the other folds.

    Args:
        candidates: What to compare; an ensemble's members among them.
        taps: Tap name to float32 [N, D].
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together; they share a fold.
        folds: int [N], the fold in which each row is judged.
        seed: For heads that draw anything.
        progress: Told one step for each fit, those of a fold together.
        threads: Fits worked on at once; the result does not depend on it.

    Returns:
        One entry for each candidate, in their order. A class that occurs in one fold only cannot
        be learnt by the fit that judges it: it gets scores below all others there, and its rows
        count as wrong, but neither for the temperature nor for the log loss.
    """
    fitted = [candidate for candidate in candidates if not candidate.members]
    num_classes = int(y.max()) + 1
    scores = np.empty((len(fitted), len(y), num_classes), dtype=np.float32)
    seconds = np.zeros(len(fitted))
    masks = [folds == number for number in np.unique(folds)]
    progress.start("comparing heads", len(fitted) * len(masks))
    jobs = [(own, judged) for own in _by_what_they_see(fitted) for judged in masks]

    def judge(job: tuple[list[int], npt.NDArray[np.bool_]]) -> tuple[list[Array], list[float]]:
        some = [fitted[position] for position in job[0]]
        return _judge_fold(some, taps, y, groups, num_classes, seed, job[1])

    with _one_thread_each():
        found = in_order(judge, jobs, threads, _AHEAD_PER_THREAD, "comparing")
        for (own, judged), (answers, spent) in zip(jobs, found, strict=True):
            scores[np.ix_(own, judged)] = answers
            seconds[own] += spent
            progress.advance(len(own))
        progress.stop()
        learnable = _learnable(y, folds)
        judged_alone = {
            candidate: _score(candidate, own_scores, y, learnable, float(spent))
            for candidate, own_scores, spent in zip(fitted, scores, seconds, strict=True)
        }
        return tuple(
            _pooled(candidate, judged_alone, y, folds, seed)
            if candidate.members
            else judged_alone[candidate]
            for candidate in candidates
        )


def choose(scores: Sequence[CandidateScore], y: Integers) -> int:
    """The position of the candidate to use.

    Two questions, each asked of the paired differences on the same rows. Whose accuracy is within
    two standard errors of the most accurate one's? Of these, whose log loss is within two standard
    errors of the lowest? The first that is left, in the order of the candidates. Accuracy is what
    people ask for, but a few hundred rows cannot tell close candidates apart by counting mistakes;
    the log loss uses how sure each score was. What neither tells apart is decided by the order,
    which is that of experience (`default_candidates`), not by noise.

    Args:
        scores: Of every candidate, on the same rows.
        y: int [N], the true classes.
    """
    return int(choice_rule(scores, y)(np.ones((1, len(y))))[0])


def choice_rule(scores: Sequence[CandidateScore], y: Integers) -> Rule:
    """The choice of `choose`, for rows drawn again.

    Args:
        scores: Of every candidate, on the same rows.
        y: int [N], the true classes.

    Returns:
        A function of float64 [R, N], how often each row was drawn, to int64 [R], the position
        that `choose` gives on the rows of each draw.
    """
    wrong = np.array([~score.correct for score in scores], dtype=np.float64)
    losses = np.array([row_losses(score.scores, y, score.temperature) for score in scores])
    learnable = scores[0].learnable

    def rule(counts: Floats) -> Integers:
        eligible = _within_two_errors(wrong, counts, np.ones((len(counts), len(wrong)), dtype=bool))
        best = _within_two_errors(losses, counts * learnable, eligible)
        return np.asarray(best.argmax(axis=1))

    return rule


def _within_two_errors(
    losses: Floats, counts: Floats, among: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whose mean loss is within two paired standard errors of the lowest, in each draw.

    Args:
        losses: float64 [K, N].
        counts: float64 [R, N], how often each row was drawn.
        among: bool [R, K], who is asked.

    Returns:
        bool [R, K], of those asked.
    """
    lowest = np.where(among, counts @ losses.T, np.inf).argmin(axis=1)
    near = np.empty_like(among)
    for best in np.unique(lowest):
        drawn = counts[lowest == best]
        behind = (losses - losses[best]).T
        num_rows = np.maximum(1, drawn.sum(axis=1, keepdims=True))
        mean, square = drawn @ behind / num_rows, drawn @ behind**2 / num_rows
        variance = np.maximum(0, square - mean**2) / np.maximum(1, num_rows - 1)
        near[lowest == best] = mean <= 2 * np.sqrt(variance)
    return among & near


def fit_chosen(
    candidate: Candidate,
    taps: Mapping[str, Array],
    y: Integers,
    groups: Integers,
    temperature: float,
    seed: int,
    threads: int = 1,
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
    """
    singles = candidate.members or (candidate,)
    jobs = _by_what_they_see(singles)

    def fit(own: list[int]) -> list[tuple[Layer, ...]]:
        rows = Rows(_features(singles[own[0]], taps))
        heads = [make_head(singles[position].head, seed) for position in own]
        return [head.fit_rows(rows, y, groups).layers_ for head in heads]

    branches: dict[int, tuple[Layer, ...]] = {}
    with _one_thread_each():  # As in `cross_validate`.
        # A thread beside this one only where there is more than one head to fit.
        fits = in_order(fit, jobs, threads, 1, "fitting") if candidate.members else map(fit, jobs)
        for own, found in zip(jobs, fits, strict=True):
            branches |= zip(own, found, strict=True)
    ordered = tuple(branches[position] for position in range(len(singles)))
    head = _pool(candidate, ordered, taps) if candidate.members else ordered[0]
    return FittedHead((Root(), *head) if candidate.is_rooted else head, temperature)


def _pool(
    candidate: Candidate, branches: tuple[tuple[Layer, ...], ...], taps: Mapping[str, Array]
) -> tuple[Layer, ...]:
    ends = np.cumsum([0, *(taps[name].shape[1] for name in candidate.taps)]).tolist()
    columns = []
    for member in candidate.members:
        first = candidate.taps.index(member.taps[0])
        columns.append((ends[first], ends[first + len(member.taps)]))
    pairs = zip(candidate.weights, candidate.temperatures, strict=True)
    return (Pool(branches, tuple(columns), tuple(weight / t for weight, t in pairs)),)


def rooted(X: Array) -> Array:
    """Every feature's square root, its sign kept: what our own heads are fitted on here.

    Pooled activations are mostly small, with a long tail; the root keeps the tail from outweighing
    the rest. By cross-validation inside the training parts of five picture sets (means): ridge
    +0.2 points on all taps and +0.5 on the last, log loss 3 and 8 % lower; softmax +0.2 and +0.4;
    SVM and network +0.2 to +0.5; nearest mean -1.0.

    Source:
        Perronnin, Sánchez, Mensink 2010, "Improving the Fisher kernel for large-scale image
        classification", §3.3 (power normalisation).
    """
    return Root().run(X)


def side_by_side(taps: Mapping[str, Array], names: Sequence[str]) -> Array:
    """float32 [N, sum of D]: the features of several taps, in the order of ``names``."""
    return np.concatenate([taps[name] for name in names], axis=1)


def _by_what_they_see(candidates: Sequence[Candidate]) -> list[list[int]]:
    """Positions of the candidates, those together whose heads are fitted on the same features."""
    seen: dict[tuple[tuple[str, ...], bool], list[int]] = {}
    for position, each in enumerate(candidates):
        seen.setdefault((each.taps, each.is_rooted), []).append(position)
    return list(seen.values())


def _features(
    candidate: Candidate, taps: Mapping[str, Array], rows: npt.NDArray[np.bool_] | None = None
) -> Array:
    own = taps if rows is None else {name: taps[name][rows] for name in candidate.taps}
    X = side_by_side(own, candidate.taps)
    return rooted(X) if candidate.is_rooted else X


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """One thread of linear algebra for each fold, and no word of fits that were not at their end.

    Several threads would wait for one another, and sums would depend on their number. That a
    published head stops early is as published; warnings can only be turned off for all folds.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _judge_fold(
    candidates: Sequence[Candidate],
    taps: Mapping[str, Array],
    y: Integers,
    groups: Integers,
    num_classes: int,
    seed: int,
    judged: npt.NDArray[np.bool_],
) -> tuple[list[Array], list[float]]:
    """Scores [M, C] of one fold by each candidate fitted on the other rows, and its seconds.

    Args:
        candidates: All see the same features.
        taps: Tap name to float32 [N, D].
        y: int64 [N].
        groups: int64 [N].
        num_classes: C.
        seed: For heads that draw anything.
        judged: bool [N], the fold's M rows.
    """
    rows = Rows(_features(candidates[0], taps, ~judged))
    asked = _features(candidates[0], taps, judged)
    # A class that is missing among these rows has no column yet.
    present, index = np.unique(y[~judged], return_inverse=True)
    found, seconds = [], []
    for candidate in candidates:
        began = time.thread_time()
        head = make_head(candidate.head, seed).fit_rows(rows, index, groups[~judged])
        found.append(_all_columns(head.scores(asked), present, num_classes))
        seconds.append(time.thread_time() - began)
    return found, seconds


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
    return _score(counting, cross_fitted(held_out, y, folds, usable, seed), y, usable, seconds)


def _score(
    candidate: Candidate,
    scores: Array,
    y: Integers,
    learnable: npt.NDArray[np.bool_],
    seconds: float,
) -> CandidateScore:
    if not learnable.any():  # a picture a class: every fold holds classes that its fit never saw
        learnable = np.ones_like(learnable)
    temperature = fit_temperature(scores[learnable], y[learnable])
    return CandidateScore(
        candidate=candidate,
        scores=scores,
        temperature=temperature,
        correct=scores.argmax(axis=1) == y,
        log_loss=log_loss(scores[learnable], y[learnable], temperature),
        seconds=seconds,
        learnable=learnable,
    )
