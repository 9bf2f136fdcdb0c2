"""Answers about rows that took no part in the training, and whether one set of them is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.heads.calibration import fit_temperature, row_losses
from headstart.heads.spectrum import Integers
from headstart.layers import Array
from headstart.metrics.comparison import Difference, paired_difference
from headstart.metrics.intervals import Interval, accuracy_interval

_ERRORS = 1.96


@dataclass(frozen=True, eq=False)
class Answers:
    """Scores of rows that took no part in the training that gave them.

    Args:
        scores: float32 [N, C]; rows that were not judged hold anything.
        judged: bool [N].
        temperature: With the lowest log loss on the judged rows.
        correct: bool [N], False where not judged.
        losses: float64 [N], -log probability of the true class after the temperature.
    """

    scores: Array
    judged: npt.NDArray[np.bool_]
    temperature: float
    correct: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scores: Array, judged: npt.NDArray[np.bool_], y: Integers) -> Answers:
        """Judge scores."""
        temperature = fit_temperature(scores[judged], y[judged])
        losses = np.zeros(len(y))
        losses[judged] = row_losses(scores[judged], y[judged], temperature)
        correct = judged & (scores.argmax(axis=1) == y)
        return cls(scores, judged, temperature, correct, losses)

    def pooled_with(self, other: Answers, y: Integers) -> Answers:
        """The mean of the log probabilities of both, about the rows that both have judged."""
        sums = self.scores / self.temperature + other.scores / other.temperature
        return Answers.of(sums.astype(np.float32), self.judged & other.judged, y)

    @property
    def accuracy(self) -> float:
        """Share of the judged rows that are right."""
        return float(self.correct[self.judged].mean())

    @property
    def log_loss(self) -> float:
        """Mean over the judged rows, in nats."""
        return float(self.losses[self.judged].mean())

    def interval(self, groups: Integers, seed: int) -> Interval:
        """Of the accuracy."""
        return accuracy_interval(self.correct[self.judged], groups[self.judged], seed)


@dataclass(frozen=True)
class Verdict:
    """How new answers compare with those that are best so far.

    Args:
        gain: In accuracy, paired, on the rows that both have judged.
        loss_gain: Fall of the log loss there, with two standard errors.
        outcome: ``"taken"``, ``"no gain"`` or ``"not proved"``.
        reason: Why, in words.
    """

    gain: Difference
    loss_gain: tuple[float, float]
    outcome: str
    reason: str


def compared(
    answers: Answers, best: Answers, groups: Integers, seed: int, least_fall: float = 0.0
) -> Verdict:
    """Whether answers are to be preferred to those that are best so far, about the same rows.

    Args:
        answers: New ones.
        best: Those that are best so far.
        groups: int [N], rows that belong together.
        seed: For the interval.
        least_fall: Of the log loss, as a share: a smaller one does not matter.
    """
    gain, loss_gain = _gains(answers, best, groups, seed)
    least = least_fall * float(best.losses[answers.judged & best.judged].mean())
    hopeless = gain.difference <= 0 and loss_gain[0] <= least
    num_rows = int(answers.judged.sum())
    return Verdict(gain, loss_gain, *_in_words(gain, loss_gain, hopeless, num_rows, least))


def _gains(
    answers: Answers, best: Answers, groups: Integers, seed: int
) -> tuple[Difference, tuple[float, float]]:
    """Gain in accuracy with its interval; fall of the log loss with two standard errors.

    Both on the rows that both have judged.
    """
    rows = answers.judged & best.judged
    gain = paired_difference(answers.correct[rows], best.correct[rows], groups[rows], seed)
    fall = best.losses[rows] - answers.losses[rows]
    # Rows of one group rise and fall together: their sum is one observation.
    place = np.unique(groups[rows], return_inverse=True)[1]
    sums = np.bincount(place, fall - fall.mean())
    error = float(np.sqrt((sums**2).sum())) / len(fall)
    return gain, (float(fall.mean()), _ERRORS * error)


def _in_words(
    gain: Difference,
    loss_gain: tuple[float, float],
    hopeless: bool,
    num_rows: int,
    least: float,
) -> tuple[str, str]:
    points = (
        f"{100 * gain.difference:+z.1f} points ({100 * gain.low:+z.1f} to {100 * gain.high:+z.1f})"
    )
    on = f"{points} on {num_rows} held-out pictures"
    fall, error = loss_gain
    if gain.low > 0:
        return "taken", f"more accurate: {on}"
    if gain.difference >= 0 and fall > error and fall >= least:
        return "taken", f"no less accurate and surer of the right answers: {on}"
    if hopeless:
        return "no gain", on
    return "not proved", f"not distinguishable from what was best before: {on}"
