"""Answering only when sure enough: how often, and how often wrong then.

A picture is answered when the probability of its best class, its confidence, reaches a threshold.
A lower threshold answers more and errs more: the risk-coverage curve. The threshold for a stated
error is chosen on that curve, so it is corrected for the choosing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

# Shares of the curve at which a threshold may stand: 5 %, 10 %, ... 100 % of what can be answered.
_STEPS = 20
_HALVINGS = 10


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """What each threshold gives, the strictest first; equal confidences are one step.

    Args:
        threshold: float32 [T], falling; a row is answered from here on.
        answered: int64 [T], rows with at least this confidence.
        wrong: int64 [T], those of them that are wrong.
        num_rows: All of them, N.
    """

    threshold: npt.NDArray[np.float32]
    answered: Indices
    wrong: Indices
    num_rows: int


def risk_coverage(confidence: Floats, correct: Flags) -> RiskCoverage:
    """The curve of rows that were judged while they were held out.

    Args:
        confidence: float [N], calibrated probability of the answer; 0 for a row that another rule
            leaves unanswered whatever the threshold.
        correct: bool [N], whether the answer is right.
    """
    confidence = confidence.astype(np.float32)
    order = np.argsort(-confidence, kind="stable")
    order = order[confidence[order] > 0]
    falling = confidence[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(falling)])
    wrong = np.cumsum(~correct[order], dtype=np.int64)
    return RiskCoverage(falling[last], last + 1, wrong[last], len(confidence))


@dataclass(frozen=True)
class Abstention:
    """A threshold, and what held-out rows let expect of it.

    Args:
        threshold: Answer from this confidence on; 0: always.
        num_rows: Held-out rows.
        answered: Those that reach the threshold.
        wrong: Those of the answered that are wrong.
        max_error: What was asked for; None if the threshold was.
    """

    threshold: float
    num_rows: int
    answered: int
    wrong: int
    max_error: float | None = None

    @property
    def coverage(self) -> float:
        """The share to be answered."""
        return self.answered / max(1, self.num_rows)

    @property
    def error(self) -> float | None:
        """The share of the answers to be wrong; None without an answer."""
        return self.wrong / self.answered if self.answered else None

    def coverage_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Clopper and Pearson's interval of the coverage; [0, 1] without a row."""
        doubt, unanswered = (1 - level) / 2, self.num_rows - self.answered
        return (
            1 - upper_bound(unanswered, self.num_rows, doubt),
            upper_bound(self.answered, self.num_rows, doubt),
        )


def abstention_at(threshold: float, confidence: Floats, correct: Flags) -> Abstention:
    """What a threshold that was set beforehand gives."""
    answered = (confidence > 0) & (confidence >= threshold)
    return Abstention(
        threshold, len(correct), int(answered.sum()), int((answered & ~correct).sum())
    )


def threshold_for(
    max_error: float, confidence: Floats, correct: Flags, level: float = 0.95
) -> Abstention | None:
    """The smallest threshold from which at most ``max_error`` of the answers are wrong.

    Thresholds at fixed shares of the curve are tested, each by the exact binomial probability of
    so few mistakes if the error were larger than asked for; the smallest that passes is taken.
    That is looking several times, so each test is made stricter (Pocock's boundary): of answers
    that come in the order of their confidence and are wrong with exactly ``max_error``, none of
    the tests is passed with probability ``level``. This is the worst case if a surer answer is
    never wrong more often: given how many answers lie above the true threshold they are a sample
    of their own, and those below it are wrong at least as often.

    Args:
        max_error: Above 0, below 1.
        confidence: As for `risk_coverage`; rows must be independent (one of each group).
        correct: The same.
        level: How certain it shall be, over all such samples, that the error is not larger.

    Returns:
        None if no threshold can be shown to do so with these rows: see `smallest_max_error`.

    Source:
        Geifman and El-Yaniv 2017, "Selective classification for deep neural networks" (binomial
        bounds on the curve; there with Bonferroni's correction); Pocock 1977, "Group sequential
        methods"; Armitage, McPherson and Rowe 1969, "Repeated significance tests" (the recursion).
    """
    curve = risk_coverage(confidence, correct)
    steps = _tested(curve)
    most = _most_mistakes(curve.answered[steps], max_error, 1 - level)
    passed = [step for step, limit in zip(steps, most, strict=True) if curve.wrong[step] <= limit]
    return _at(curve, passed[-1], max_error) if passed else None


def smallest_max_error(confidence: Floats, correct: Flags, level: float = 0.95) -> float:
    """In tenths of a per cent, what `threshold_for` finds a threshold for; 1 if nothing."""
    low, high = 0, 1000
    while high - low > 1:
        middle = (low + high) // 2
        found = threshold_for(middle / 1000, confidence, correct, level)
        low, high = (low, middle) if found else (middle, high)
    return high / 1000


def fewest_rows(max_error: float, level: float = 0.95) -> int:
    """Even without a single mistake it takes more answered rows than this for ``max_error``."""
    return math.floor(math.log(1 - level) / math.log1p(-max_error))


def binomial(answered: int, error: float, most: int) -> Probabilities:
    """Probabilities of 0, 1, ... ``most`` mistakes if each answer is wrong with ``error``.

    Matches ``scipy.stats.binom.pmf``; written here because a saved model predicts without scipy.
    """
    count = np.arange(1, most + 1)
    # From one count of mistakes to the next the probability grows by this factor.
    with np.errstate(divide="ignore"):
        growth = np.log(np.maximum(answered - count + 1, 0) / count)
    growth += math.log(error) - math.log1p(-error)
    return np.asarray(np.exp(np.append(0.0, np.cumsum(growth)) + answered * math.log1p(-error)))


def upper_bound(wrong: int, answered: int, doubt: float) -> float:
    """The error that so few mistakes exclude all but with probability ``doubt``.

    Source: Clopper and Pearson 1934; matches ``scipy.stats.beta.ppf(1 - doubt, k + 1, n - k)``.
    """
    if wrong >= answered:
        return 1.0
    low, high = wrong / answered, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        likely = middle < 1 and binomial(answered, middle, wrong).sum() > doubt
        low, high = (middle, high) if likely else (low, middle)
    return high


def _tested(curve: RiskCoverage) -> Indices:
    """Places on the curve at fixed shares of what can be answered: fixed before looking."""
    if not len(curve.answered):
        return np.empty(0, dtype=np.int64)
    wanted = curve.answered[-1] * np.arange(1, _STEPS + 1) // _STEPS
    steps = np.searchsorted(curve.answered, wanted, side="right") - 1
    return np.unique(steps[steps >= 0])


def _most_mistakes(answered: Indices, error: float, doubt: float) -> Indices:
    """With how many mistakes each test is passed (-1: never), ``doubt`` being that of them all."""
    # Fewer than expected, or it would be no evidence.
    so_few = [np.cumsum(binomial(int(n), error, int(n * error))) for n in answered]
    most = max(map(len, so_few), default=0)
    more = [binomial(int(n), error, most) for n in np.diff(answered, prepend=0)]
    low, high = np.log(doubt / (10 * _STEPS)), np.log(doubt)
    for _ in range(_HALVINGS):
        each = (low + high) / 2
        likely = _passes(_limits(so_few, np.exp(each)), more) > doubt
        low, high = (low, each) if likely else (each, high)
    return _limits(so_few, np.exp(low))


def _limits(so_few: list[Probabilities], doubt: float) -> Indices:
    """For each test the most mistakes that are so few only with ``doubt``."""
    found = [np.searchsorted(sums, doubt, side="right") - 1 for sums in so_few]
    return np.array(found, dtype=np.int64)


def _passes(limits: Indices, more: list[Probabilities]) -> float:
    """The probability to pass at least one of the tests.

    Args:
        limits: Of mistakes, for each test.
        more: For each test the probabilities of 0, 1, ... mistakes since the one before.
    """
    most, passed = int(limits.max(initial=-1)), 0.0
    if most < 0:
        return passed
    running = np.ones(1)  # of so many mistakes, and no test passed yet; more than most never will
    for limit, increment in zip(limits, more, strict=True):
        running = np.convolve(running, increment[: most + 1])[: most + 1]
        passed += float(running[: limit + 1].sum())
        running[: limit + 1] = 0
    return passed


def _at(curve: RiskCoverage, step: int, max_error: float) -> Abstention:
    # Whatever is surer than the next step: that is the rule that was tested.
    is_last = step + 1 == len(curve.threshold)
    threshold = 0.0 if is_last else float(np.nextafter(curve.threshold[step + 1], np.float32(2)))
    answered, wrong = int(curve.answered[step]), int(curve.wrong[step])
    return Abstention(threshold, curve.num_rows, answered, wrong, max_error)
