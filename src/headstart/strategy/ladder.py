"""The ladder from frozen to full: rungs are tried as long as trying may pay, and must prove it.

Every rung is judged on the same held-out rows as the frozen candidate, fold by fold: alone, and
pooled with that candidate, for networks that were trained apart err apart. A rung is left after its
first fold if it gained nothing that matters there; it is taken only if it beats what is best so far
in a paired comparison; and a deeper one is tried only when the one before was taken. Ties go to the
cheaper: frozen, and the rung alone. A rung that a person asked for is given whatever it gained: it
is judged on 50 rows at least, and pooled where it was better so, proved or not.

Time is kept for the end: no rung and no fold is begun that would leave too little to train the one
that is taken on all rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.finetuning.process import Interrupted
from headstart.heads.spectrum import Integers
from headstart.layers import Array
from headstart.metrics.comparison import Difference
from headstart.strategy.answers import Answers, Verdict, compared
from headstart.strategy.budget import Budget

Judge = Callable[[int], Array]

# Folds are judged until so many rows are: enough to show a gain of two to three points.
_ENOUGH_ROWS = 1000
# A rung that will be used in any case is judged on so many, whatever the first fold says.
_LEAST_ROWS = 50
_TOO_LATE = "out of time"
_NAMES = {"affine": "scales and shifts", "all": "whole network", "scratch": "from scratch"}
_STRATEGIES = {"all": "full", "affine": "full", "scratch": "scratch"}
# A fall of the log loss by a smaller share is not worth a training and a larger network.
_LEAST_FALL = 0.05


@dataclass(frozen=True)
class Rung:
    """One way to adapt the backbone.

    Args:
        name: For tables, for example ``"last block"``.
        strategy: ``"partial"``, ``"full"`` or ``"scratch"``.
        judge: Trains without a fold and gives scores float32 [rows of the fold, C] for its rows.
            Raises `OutOfTime`, or `Interrupted` where a person ended it.
        seconds: What one fold is expected to take.
        last: What training on all rows is expected to take, once the rung is taken.
    """

    name: str
    strategy: str
    judge: Judge
    seconds: float = 0.0
    last: float = 0.0


class OutOfTime(Exception):
    """A training was ended because no time was left."""


@dataclass(frozen=True, eq=False)
class Step:
    """What became of one rung.

    Args:
        rung: Which.
        outcome: ``"taken"``, ``"no gain"``, ``"not proved"``, ``"interrupted"``, ``"not tried"``
            or ``"out of time"``: whatever it gained, too little is left to train it on all rows.
        reason: Why, in words.
        answers: None when it was not tried.
        gain: In accuracy over what was best before, on the same rows; None when not tried.
        loss_gain: Fall of the log loss against what was best before, with two standard errors.
        seconds: Spent.
        pooled: Whether ``answers`` are those of the rung and the frozen candidate together.
        rival: The answers that were not used: of both where the rung stands alone, its own where
            they are pooled; None where there was no choice.
        last: Seconds that training on all rows is expected to take, by those of the folds.
    """

    rung: Rung
    outcome: str
    reason: str
    answers: Answers | None = None
    gain: Difference | None = None
    loss_gain: tuple[float, float] | None = None
    seconds: float = 0.0
    pooled: bool = False
    rival: Answers | None = None
    last: float = 0.0

    @property
    def name(self) -> str:
        """What is used: the rung, or both."""
        return f"{self.rung.name}, tuned" + (" · with frozen" if self.pooled else "")

    @property
    def is_too_late(self) -> bool:
        """Whether too little time was left to judge it, or to train it on all rows."""
        return self.outcome == _TOO_LATE

    @property
    def alone(self) -> Answers | None:
        """The rung's own answers; None when it was not tried."""
        return self.rival if self.pooled else self.answers

    def to_json(self, groups: Integers, seed: int) -> dict[str, Any]:
        """Plain values."""
        record: dict[str, Any] = {
            "name": self.rung.name,
            "strategy": self.rung.strategy,
            "outcome": self.outcome,
            "reason": self.reason,
            "seconds": round(self.seconds, 2),
        }
        if self.answers is None or self.gain is None or self.loss_gain is None:
            return record
        interval = self.answers.interval(groups, seed)
        return {
            **record,
            "score": round(self.answers.accuracy, 6),
            "interval": [round(interval.low, 6), round(interval.high, 6)],
            "log_loss": round(self.answers.log_loss, 6),
            "num_images": int(self.answers.judged.sum()),
            "pooled": self.pooled,
            "score_alone": round(self.alone.accuracy, 6) if self.alone else None,
            "gain": [round(v, 6) for v in (self.gain.difference, self.gain.low, self.gain.high)],
            "log_loss_gain": [round(value, 6) for value in self.loss_gain],
        }


@dataclass(frozen=True, eq=False)
class Climb:
    """The rungs in the order they came up, and which one was taken last.

    Args:
        steps: One for each rung.
        taken: Place of the rung to use; None: the frozen candidate stands.
        is_interrupted: Whether a person ended it.
    """

    steps: tuple[Step, ...]
    taken: int | None
    is_interrupted: bool = False

    @property
    def best(self) -> Step | None:
        """The step to use; None: frozen."""
        return None if self.taken is None else self.steps[self.taken]


def climb(
    frozen: Answers,
    rungs: Sequence[Rung],
    y: Integers,
    groups: Integers,
    folds: Integers,
    *,
    seed: int,
    budget: Budget | None = None,
    must_take: bool = False,
    may_pool: bool = True,
) -> Climb:
    """Try one rung after another.

    Args:
        frozen: Of the best frozen candidate, on all rows.
        rungs: From the cheapest to the dearest.
        y: int [N], class indices.
        groups: int [N], rows that belong together.
        folds: int [N], the fold in which each row is judged.
        seed: For the intervals.
        budget: For all of them and the training on all rows: a rung or a fold that is not expected
            to leave enough for that is not begun. None: no limit.
        must_take: A person asked for one of these rungs: where none proves itself, the most
            accurate one that was tried is taken all the same; each is judged on 50 rows or more,
            and pooled where it was no less accurate so and its log loss a twentieth lower.
        may_pool: Whether a rung may be pooled with the frozen candidate.
    """
    budget = budget or Budget()
    best, taken, steps = frozen, None, []
    stopped, is_interrupted = "", False
    for place, rung in enumerate(rungs):
        late = _too_late(rung, max(budget.reserved, rung.last), budget.left)
        if stopped or late:
            steps.append(Step(rung, "not tried", stopped or late))
            continue
        # From scratch means without what was learned before.
        partner = frozen if may_pool and rung.strategy != "scratch" else None
        before = budget.spent
        try:
            step = _try(rung, best, partner, y, groups, folds, seed, budget, must_take)
        except Interrupted:
            is_interrupted, stopped = True, "interrupted"
            ended = "by Ctrl-C, before it was judged"
            steps.append(Step(rung, stopped, ended, seconds=budget.spent - before))
            continue
        steps.append(step)
        if step.outcome == "taken" and step.answers is not None:
            best, taken, budget.reserved = step.answers, place, step.last
        else:
            stopped = f"{rung.name} {'took too long' if step.is_too_late else 'did not pay'}"
    if is_interrupted:
        # What was taken would have to be trained on all rows first: nobody waits for that.
        return Climb(tuple(steps), None, is_interrupted)
    if taken is None and must_take:
        taken = _least_bad(steps)
    return Climb(tuple(steps), taken)


def _too_late(rung: Rung, last: float, left: float) -> str:
    """Why it is not begun, in words; empty: it may be."""
    if rung.seconds + last <= left:
        return ""
    folds = f"it would take about {rung.seconds:.0f} s a fold"
    end = f" and {last:.0f} s to train on all pictures" if last else ""
    return f"{folds}{end}; {max(left, 0):.0f} s are left"


def nothing_tried(rungs: Sequence[Rung], reason: str) -> Climb:
    """A climb that did not begin, for one reason."""
    return Climb(tuple(Step(rung, "not tried", reason) for rung in rungs), None)


def rung_name(train_from: str) -> str:
    """What people call a rung."""
    number = train_from.removeprefix("top")
    if number.isdigit():
        return "last block" if number == "1" else f"last {number} blocks"
    return _NAMES.get(train_from, f"from {train_from}")


def strategy_of(train_from: str) -> str:
    """The strategy that a rung belongs to."""
    return _STRATEGIES.get(train_from, "partial")


def folds_to_judge(num_rows: int, num_folds: int) -> int:
    """How many of the folds are judged by a rung that goes on gaining."""
    return min(num_folds, math.ceil(_ENOUGH_ROWS * num_folds / num_rows))


def _least_bad(steps: Sequence[Step]) -> int | None:
    tried = [
        (step.answers.accuracy, -k)
        for k, step in enumerate(steps)
        if step.answers and not step.is_too_late
    ]
    return -max(tried)[1] if tried else None


def _try(
    rung: Rung,
    best: Answers,
    partner: Answers | None,
    y: Integers,
    groups: Integers,
    folds: Integers,
    seed: int,
    budget: Budget,
    must_take: bool,
) -> Step:
    """Judge fold by fold, as long as it may pay and there is time.

    Raises:
        Interrupted: A person ended it.
    """
    began, last, reserved = budget.spent, rung.last, budget.reserved
    scores = np.zeros_like(best.scores)
    judged = np.zeros(len(y), dtype=bool)
    found = None
    for num, fold in enumerate(np.unique(folds), start=1):
        held = folds == fold
        # A fold that left no time for the last training would be for nothing.
        budget.reserved = max(reserved, last)
        try:
            scores[held] = rung.judge(int(fold))
        except OutOfTime:
            break
        finally:
            budget.reserved = reserved
        judged |= held
        alone = Answers.of(scores.copy(), judged.copy(), y)
        found = _preferred(alone, best, partner, y, groups, seed, must_take)
        seconds = (budget.spent - began) / num
        last = rung.last * (seconds / rung.seconds if rung.seconds else 1.0)
        hopeless = found.verdict.outcome == "no gain" and (
            not must_take or judged.sum() >= _LEAST_ROWS
        )
        if hopeless or judged.sum() >= _ENOUGH_ROWS:
            break
        if seconds + max(budget.reserved, last) > budget.left:
            break
    seconds = budget.spent - began
    if found is None:
        return Step(rung, _TOO_LATE, "no time was left before a fold was judged", seconds=seconds)
    verdict = found.verdict
    if last > budget.left and (must_take or verdict.outcome == "taken"):
        late = f"training on all pictures would take about {last:.0f} s, "
        late += f"{max(budget.left, 0):.0f} s are left"
        verdict = replace(verdict, outcome=_TOO_LATE, reason=f"{late}; {verdict.reason}")
    return Step(
        rung=rung,
        **vars(verdict),
        answers=found.answers,
        seconds=seconds,
        pooled=found.pooled,
        rival=found.rival,
        last=last,
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """Answers that may be used, against those that are best so far.

    Args:
        answers: The rung's own, or of it and the frozen candidate.
        verdict: On them.
        pooled: Whether they are of both.
        rival: As of `Step`.
    """

    answers: Answers
    verdict: Verdict
    pooled: bool = False
    rival: Answers | None = None


def _preferred(
    alone: Answers,
    best: Answers,
    partner: Answers | None,
    y: Integers,
    groups: Integers,
    seed: int,
    must_take: bool,
) -> _Judged:
    """What is to be used, the rung's own answers or those of both.

    Both, where that is proved better than the rung alone, or where the rung alone does not prove
    itself and both are more accurate; of a rung that a person asked for, where it seems better.
    """
    own = compared(alone, best, groups, seed, _LEAST_FALL)
    if partner is None:
        return _Judged(alone, own)
    both = alone.pooled_with(partner, y)
    pooled = compared(both, best, groups, seed, _LEAST_FALL)
    more_accurate = pooled.gain.difference > max(own.gain.difference, 0.0)
    helps = _seems_better(both, alone) if must_take else more_accurate and own.outcome != "taken"
    if helps or _pools(both, alone, groups, seed):
        return _Judged(both, pooled, pooled=True, rival=alone)
    return _Judged(alone, own, rival=both)


def _pools(both: Answers, alone: Answers, groups: Integers, seed: int) -> bool:
    """Whether the rung is better together with the frozen candidate: that must be proved."""
    return compared(both, alone, groups, seed, _LEAST_FALL).outcome == "taken"


def _seems_better(both: Answers, alone: Answers) -> bool:
    """The same, as far as the rows that were judged can tell: no less accurate, and surer.

    It is asked of a rung that will be used in any case, where few rows prove nothing: with 10 and
    30 pictures a class a tuned last block was 3 points behind both (decision 0017).
    """
    fall = alone.log_loss - both.log_loss
    return both.accuracy >= alone.accuracy and fall >= _LEAST_FALL * alone.log_loss
