"""The choice of one candidate, by what each did on the same held-out rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.special

from headstart.heads.calibration import row_losses
from headstart.heads.candidates import Candidate
from headstart.heads.spectrum import Floats, Integers
from headstart.layers import Array, Layer

Rule = Callable[[Floats], Integers]

_BY_LUCK = 0.025  # One-sided, for all candidates together.


@dataclass(frozen=True, eq=False)
class CandidateScore:
    """What a candidate did on rows that its fits did not see.

    Args:
        candidate: What was fitted.
        scores: float32 [N, C], each row's by the fit without its fold; 0 where nothing was judged.
        temperature: The one with the lowest log loss on the scores of the learnable rows.
        correct: bool [N], whether the largest score is the true class's.
        log_loss: In nats, of the learnable rows, after the temperature.
        seconds: Of one processor core, spent fitting (also on all rows, where that came first) and
            scoring; work shared with other candidates counts for the first of them.
        learnable: bool [N], whether the fit that judged the row knew its class. A row whose class
            it never saw is wrong, but says nothing about how sure the scores may be.
        judged: bool [N], whether the row was asked about. Of candidates compared here: all of
            them, or the first fold's of one that did not lead there, which is not chosen.
        layers: Of the head fitted on all rows, where the folds' fits came from that one: it takes
            what the head sees.
        left_out: bool [N], of such a head that knows: which rows it has right without their group.
    """

    candidate: Candidate
    scores: Array
    temperature: float
    correct: npt.NDArray[np.bool_]
    log_loss: float
    seconds: float
    learnable: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]
    layers: tuple[Layer, ...] = ()
    left_out: npt.NDArray[np.bool_] | None = None

    @property
    def accuracy(self) -> float:
        """Share of the rows asked about that are right."""
        return float(self.correct[self.judged].mean())

    @property
    def is_whole(self) -> bool:
        """Whether it was asked about every row."""
        return bool(self.judged.all())


def choose(scores: Sequence[CandidateScore], y: Integers, num_folds: int = 5) -> int:
    """The position of the candidate to use.

    Two questions, each asked of the paired differences on the same rows. Whose accuracy can not be
    told from the most accurate one's? Of these, whose log loss can not be told from the lowest?
    The first that is left, in the order of the candidates. Accuracy is what people ask for, but a
    few hundred rows cannot tell close candidates apart by counting mistakes; the log loss uses how
    sure each score was. What neither tells apart is decided by the order, which is that of
    experience (`default_candidates`), not by noise.

    The best of many is partly the luckiest, and fits on folds that share most of their rows err
    together: the number of candidates and that overlap are allowed for (`_errors_allowed`).

    Args:
        scores: Of every candidate, on the same rows.
        y: int [N], the true classes.
        num_folds: In which they were judged.

    Source:
        Nadeau, Bengio 2003, "Inference for the generalization error", eq. 8, for the overlap.
    """
    return int(choice_rule(scores, y, num_folds)(np.ones((1, len(y))))[0])


def choice_rule(scores: Sequence[CandidateScore], y: Integers, num_folds: int = 5) -> Rule:
    """The choice of `choose`, for rows drawn again.

    Args:
        scores: Of every candidate, on the same rows.
        y: int [N], the true classes.
        num_folds: In which they were judged.

    Returns:
        A function of float64 [R, N], how often each row was drawn, to int64 [R], the position
        that `choose` gives on the rows of each draw.
    """
    wrong = np.array([~score.correct for score in scores], dtype=np.float64)
    losses = np.array([row_losses(score.scores, y, score.temperature) for score in scores])
    learnable = scores[0].learnable
    whole = np.array([score.is_whole for score in scores])
    allowed = _errors_allowed(len(scores), len(y), num_folds)

    def rule(counts: Floats) -> Integers:
        accurate = _within(wrong, counts, np.tile(whole, (len(counts), 1)), allowed)
        return np.asarray(_within(losses, counts * learnable, accurate, allowed).argmax(axis=1))

    return rule


def _within(
    losses: Floats, counts: Floats, among: npt.NDArray[np.bool_], allowed: float
) -> npt.NDArray[np.bool_]:
    """Whose mean loss can not be told from the lowest by a paired comparison, in each draw.

    Args:
        losses: float64 [K, N].
        counts: float64 [R, N], how often each row was drawn.
        among: bool [R, K], who is asked.
        allowed: Standard errors of the paired difference that may be luck.

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
        near[lowest == best] = mean <= allowed * np.sqrt(variance)
    return among & near


def _errors_allowed(num_candidates: int, num_rows: int, num_folds: int) -> float:
    """How many standard errors of the mean one of so many may be ahead by luck."""
    rivals, freedom = max(1, num_candidates - 1), max(1, num_rows - 1)
    # Fits on all but one of K folds share most rows: the mean errs by 1 / K + 1 / (K - 1), rooted.
    overlap = math.sqrt(1 + num_folds / (num_folds - 1))
    return overlap * float(scipy.special.stdtrit(freedom, 1 - _BY_LUCK / rivals))
