"""Heads compared on the same rows, and the choice of one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.heads.calibration import fit_temperature, log_loss
from headstart.heads.catalog import make_head
from headstart.heads.head import Head
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Array
from headstart.progress import Progress

_ALL_TAPS = ("ridge", "softmax", "discriminant")


@dataclass(frozen=True)
class Candidate:
    """A head and the taps whose features it sees, side by side.

    Args:
        head: A key of ``catalog.HEADS``.
        taps: One or more tap names.
    """

    head: str
    taps: tuple[str, ...]

    @property
    def name(self) -> str:
        """For tables: ``"ridge"`` on one tap, ``"ridge · all taps"`` on several."""
        return self.head if len(self.taps) == 1 else f"{self.head} · all taps"


@dataclass(frozen=True, eq=False)
class CandidateScore:
    """What a candidate did on rows that its fits did not see.

    Args:
        candidate: What was fitted.
        scores: float32 [N, C], each row's by the fit without its fold.
        temperature: The one with the lowest log loss on these scores.
        correct: bool [N], whether the largest score is the true class's.
        log_loss: In nats, after the temperature.
        seconds: Spent fitting and scoring; work shared with other candidates counts for the
            first of them.
    """

    candidate: Candidate
    scores: Array
    temperature: float
    correct: npt.NDArray[np.bool_]
    log_loss: float
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of rows that are right."""
        return float(self.correct.mean())


def default_candidates(taps: Sequence[str], heads: Sequence[str]) -> tuple[Candidate, ...]:
    """Every head on the last tap; ridge, softmax and discriminant also on all taps together.

    Args:
        taps: Tap names, the deepest last.
        heads: Keys of ``catalog.HEADS``.
    """
    last = [Candidate(head, (taps[-1],)) for head in heads]
    every = [Candidate(head, tuple(taps)) for head in heads if head in _ALL_TAPS]
    return (*last, *every) if len(taps) > 1 else tuple(last)


def cross_validate(
    candidates: Sequence[Candidate],
    taps: Mapping[str, Array],
    y: Integers,
    groups: Integers,
    folds: Integers,
    seed: int,
    progress: Progress,
) -> tuple[CandidateScore, ...]:
    """Score every row by heads fitted on the other folds.

    Args:
        candidates: What to compare.
        taps: Tap name to float32 [N, D].
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together; they share a fold.
        folds: int [N], the fold in which each row is judged.
        seed: For heads that draw anything.
        progress: Told one step for each fit.

    Returns:
        One entry for each candidate, in their order. A class that occurs in one fold only cannot
        be learnt by the fit that judges it: it gets scores below all others there.
    """
    num_classes = int(y.max()) + 1
    scores = np.empty((len(candidates), len(y), num_classes), dtype=np.float32)
    seconds = np.zeros(len(candidates))
    fold_numbers = np.unique(folds)
    progress.start("comparing heads", len(candidates) * len(fold_numbers))
    for names in dict.fromkeys(candidate.taps for candidate in candidates):
        X = side_by_side(taps, names)
        for fold in fold_numbers:
            judged = folds == fold
            learning = Rows(X[~judged])
            for position, candidate in enumerate(candidates):
                if candidate.taps != names:
                    continue
                began = time.perf_counter()
                scores[position, judged] = _scores_of_others(
                    make_head(candidate.head, seed),
                    learning,
                    y[~judged],
                    groups[~judged],
                    X[judged],
                    num_classes,
                )
                seconds[position] += time.perf_counter() - began
                progress.advance()
    progress.stop()
    return tuple(
        _judged(candidate, own_scores, y, float(own_seconds))
        for candidate, own_scores, own_seconds in zip(candidates, scores, seconds, strict=True)
    )


def choose(scores: Sequence[CandidateScore]) -> int:
    """The position of the candidate to use.

    Among those whose accuracy is within one standard error (of the paired difference) of the most
    accurate one's, the lowest calibrated log loss; equals go to the earlier. Accuracy is what
    people ask for, but a few hundred rows cannot tell close candidates apart by counting
    mistakes. The log loss uses how sure each score was, and tells them apart with less noise.
    """
    correct = np.array([score.correct for score in scores], dtype=np.float64)
    behind = correct[correct.mean(axis=1).argmax()] - correct
    error = behind.std(axis=1) / np.sqrt(max(1, correct.shape[1] - 1))
    eligible = behind.mean(axis=1) <= error
    losses = np.array([score.log_loss for score in scores])
    return int(np.where(eligible, losses, np.inf).argmin())


def fit_chosen(
    candidate: Candidate,
    taps: Mapping[str, Array],
    y: Integers,
    groups: Integers,
    temperature: float,
    seed: int,
) -> Head:
    """The candidate's head, fitted on all rows.

    Args:
        candidate: As chosen.
        taps: Tap name to float32 [N, D]; the head sees the candidate's taps side by side.
        y: int [N], class indices 0 to C-1, each occurring.
        groups: int [N], rows that belong together.
        temperature: As found by ``cross_validate``: no row is left here to find it on.
        seed: For heads that draw anything.
    """
    rows = Rows(side_by_side(taps, candidate.taps))
    return make_head(candidate.head, seed).fit_rows(rows, y, groups, temperature)


def side_by_side(taps: Mapping[str, Array], names: Sequence[str]) -> Array:
    """float32 [N, sum of D]: the features of several taps, in the order of ``names``."""
    return np.concatenate([taps[name] for name in names], axis=1)


def _scores_of_others(
    head: Head, rows: Rows, y: Integers, groups: Integers, X: Array, num_classes: int
) -> Array:
    """Scores [M, C] of other rows; classes that ``y`` lacks stay below all others."""
    present, index = np.unique(y, return_inverse=True)
    found = head.fit_rows(rows, index, groups).scores(X)
    if len(present) == num_classes:
        return found
    lowest = 2 * found.min() - found.max() - 1
    scores = np.full((len(X), num_classes), lowest, dtype=np.float32)
    scores[:, present] = found
    return scores


def _judged(candidate: Candidate, scores: Array, y: Integers, seconds: float) -> CandidateScore:
    temperature = fit_temperature(scores, y)
    return CandidateScore(
        candidate=candidate,
        scores=scores,
        temperature=temperature,
        correct=scores.argmax(axis=1) == y,
        log_loss=log_loss(scores, y, temperature),
        seconds=seconds,
    )
