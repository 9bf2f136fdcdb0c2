"""Rungs are tried while they pay, and taken only with proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headstart.finetuning.process import Interrupted
from headstart.strategy.answers import Answers, compared
from headstart.strategy.budget import Budget
from headstart.strategy.ladder import Climb, OutOfTime, Rung, climb

NUM = 600
rng = np.random.default_rng(0)
y = np.arange(NUM) % 3
groups = np.arange(NUM)
folds = np.arange(NUM) % 5


def scores_with(accuracy: float, seed: int = 0) -> np.ndarray:
    """Scores that are right for a share of the rows; nested, so comparisons are paired."""
    order = np.random.default_rng(1).permutation(NUM)
    right = np.zeros(NUM, dtype=bool)
    right[order[: int(accuracy * NUM)]] = True
    label = np.where(right, y, (y + 1) % 3)
    noise = np.random.default_rng(seed).normal(0, 0.05, (NUM, 3))
    return (2 * np.eye(3)[label] + noise).astype(np.float32)


def rung(
    name: str,
    accuracy: float,
    asked: list[str] | None = None,
    seconds: float = 0.0,
    last: float = 0.0,
) -> Rung:
    scores = scores_with(accuracy, seed=len(name))

    def judge(fold: int) -> np.ndarray:
        if asked is not None:
            asked.append(f"{name}{fold}")
        return scores[folds == fold]

    return Rung(name, "partial", judge, seconds, last)


def frozen(accuracy: float) -> Answers:
    return Answers.of(scores_with(accuracy), np.ones(NUM, dtype=bool), y)


def test_a_clear_gain_is_taken_and_the_next_rung_tried() -> None:
    found = climb(frozen(0.8), [rung("a", 0.9), rung("bb", 0.95)], y, groups, folds, seed=0)
    assert [step.outcome for step in found.steps] == ["taken", "taken"]
    assert found.taken == 1
    gain = found.steps[1].gain
    assert gain is not None and gain.difference == pytest.approx(0.05, abs=0.01)


def test_without_a_gain_the_first_fold_ends_it() -> None:
    asked: list[str] = []
    found = climb(
        frozen(0.9), [rung("a", 0.8, asked), rung("b", 1.0, asked)], y, groups, folds, seed=0
    )
    assert asked == ["a0"]
    assert [step.outcome for step in found.steps] == ["no gain", "not tried"]
    assert found.best is None
    assert "a did not pay" in found.steps[1].reason


def test_a_gain_within_chance_is_not_taken() -> None:
    better = scores_with(0.8)
    wrong = np.flatnonzero(better.argmax(1) != y)
    right = np.flatnonzero(better.argmax(1) == y)
    changed = better.copy()
    changed[wrong[:21]] = 2 * np.eye(3)[y[wrong[:21]]]
    changed[right[:20]] = 2 * np.eye(3)[(y[right[:20]] + 1) % 3]
    found = climb(
        frozen(0.8),
        [Rung("a", "partial", lambda fold: changed)],
        y,
        groups,
        np.zeros(NUM, dtype=int),
        seed=0,
    )
    assert found.steps[0].outcome == "not proved"
    assert found.taken is None


def test_rows_of_one_group_prove_less() -> None:
    """Forty rows more are proof when they stand alone, and none when they are one patient's."""
    steps = []
    scores = scores_with(0.8)
    gained = np.flatnonzero(scores.argmax(1) != y)[:40]
    better = scores.copy()
    better[gained] = 2 * np.eye(3)[y[gained]]
    for members in (groups, np.where(np.isin(groups, gained), -1, groups)):
        found = climb(
            Answers.of(scores, np.ones(NUM, dtype=bool), y),
            [Rung("a", "partial", lambda fold: better)],
            y,
            members,
            np.zeros(NUM, dtype=int),
            seed=0,
        )
        steps.append(found.steps[0].outcome)
    assert steps == ["taken", "not proved"]


def test_a_rung_that_would_not_end_in_time_is_not_begun() -> None:
    asked: list[str] = []
    found = climb(
        frozen(0.8),
        [rung("slow", 1.0, asked, seconds=100.0)],
        y,
        groups,
        folds,
        seed=0,
        budget=Budget(10.0),
    )
    assert not asked
    assert found.steps[0].outcome == "not tried"
    assert "100 s" in found.steps[0].reason


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def working(self, rung: Rung, seconds: float) -> Rung:
        """The rung, each of whose folds takes so long."""

        def judge(fold: int) -> np.ndarray:
            self.now += seconds
            return rung.judge(fold)

        return replace(rung, judge=judge)


def climbed(limit: float, *rungs: tuple[Rung, float], start: float = 0.8) -> Climb:
    """Climb rungs, each with the seconds that its folds really take."""
    clock = Clock()
    budget = Budget(limit, clock)
    working = [clock.working(*each) for each in rungs]
    return climb(frozen(start), working, y, groups, folds, seed=0, budget=budget)


def test_a_rung_that_leaves_nothing_for_the_last_training_is_not_begun() -> None:
    asked: list[str] = []
    slow = rung("a", 1.0, asked, seconds=10, last=40)
    found = climbed(49, (slow, 10))
    assert (asked, found.steps[0].outcome) == ([], "not tried")
    assert "10 s a fold and 40 s to train on all pictures; 49 s are left" in found.steps[0].reason
    assert climbed(50, (slow, 10)).taken == 0
    assert asked == ["a0"]


def test_folds_end_where_the_last_training_would_no_longer_fit() -> None:
    asked: list[str] = []
    found = climbed(100, (rung("a", 0.95, asked, seconds=10, last=20), 20))
    # The folds take twice as long as expected, and so will the last training.
    assert asked == ["a0", "a1", "a2"]
    assert (found.taken, found.steps[0].last) == (0, 40)


def test_what_cannot_be_trained_on_all_rows_in_time_is_not_taken() -> None:
    rungs = (rung("a", 0.9, seconds=10, last=20), 60), (rung("b", 1.0), 1)
    found = climbed(100, *rungs)
    assert found.taken is None
    assert [step.outcome for step in found.steps] == ["out of time", "not tried"]
    assert "about 120 s, 40 s are left" in found.steps[0].reason


def test_the_last_training_of_what_was_taken_is_reserved_for() -> None:
    first = rung("a", 0.9, seconds=10, last=50), 10
    assert climbed(119, first, (rung("b", 1.0, seconds=20, last=20), 20)).taken == 0
    assert climbed(121, first, (rung("b", 1.0, seconds=20, last=20), 20)).taken == 1


def test_what_a_person_asked_for_is_not_trained_without_time_either() -> None:
    clock = Clock()
    slow = clock.working(rung("a", 0.5, seconds=10, last=20), 60)
    found = climb(frozen(0.8), [slow], y, groups, folds, seed=0,
                  budget=Budget(100, clock), must_take=True)  # fmt: skip
    assert (found.taken, found.steps[0].outcome) == (None, "out of time")


def test_a_later_fold_cannot_spend_what_the_last_training_needs() -> None:
    clock = Clock()
    budget = Budget(100, clock)
    good = rung("a", 0.95, seconds=10, last=30)

    def judge(fold: int) -> np.ndarray:
        clock.now += 10 if fold == 0 else budget.left - budget.reserved
        if fold:
            raise OutOfTime
        return good.judge(fold)

    found = climb(
        frozen(0.8), [replace(good, judge=judge)], y, groups, folds, seed=0, budget=budget
    )
    assert (found.taken, budget.left) == (0, 30)


def test_a_later_rung_cannot_spend_what_is_reserved_for_the_one_before() -> None:
    clock = Clock()
    budget = Budget(200, clock)
    first = clock.working(rung("a", 0.9, seconds=10, last=50), 10)

    def endless(_fold: int) -> np.ndarray:
        clock.now += budget.left - budget.reserved
        raise OutOfTime

    rungs = [first, Rung("b", "partial", endless, 20, 20), rung("c", 1.0)]
    found = climb(frozen(0.8), rungs, y, groups, folds, seed=0, budget=budget)
    assert (found.taken, budget.left) == (0, 50)
    assert [step.outcome for step in found.steps] == ["taken", "out of time", "not tried"]
    assert found.steps[2].reason == "b took too long"


@pytest.mark.parametrize("must_take", [False, True])
def test_a_fold_that_ran_out_of_time_is_not_judged(must_take: bool) -> None:
    def late(_fold: int) -> np.ndarray:
        raise OutOfTime

    found = climb(
        frozen(0.8), [Rung("a", "partial", late)], y, groups, folds, seed=0, must_take=must_take
    )
    assert (found.taken, found.steps[0].outcome) == (None, "out of time")


def test_better_probabilities_at_equal_accuracy_are_a_gain() -> None:
    calm = scores_with(0.8)
    unsure = calm.copy()
    wrong = calm.argmax(1) != y
    unsure[wrong] *= 0.1  # as often wrong, but less sure when it is
    found = climb(
        frozen(0.8),
        [Rung("a", "partial", lambda fold: unsure[folds == fold])],
        y,
        groups,
        folds,
        seed=0,
    )
    assert found.steps[0].outcome == "taken"
    assert "surer" in found.steps[0].reason


def apart(seed: int) -> np.ndarray:
    """Scores whose mistakes have nothing to do with those of another seed."""
    noise = np.random.default_rng(seed).normal(0, 1, (NUM, 3))
    return (np.eye(3)[y] * 1.5 + noise).astype(np.float32)


def test_networks_that_err_apart_are_pooled() -> None:
    start = Answers.of(apart(1), np.ones(NUM, dtype=bool), y)
    step = Rung("a", "partial", lambda fold: apart(2)[folds == fold])
    found = climb(start, [step], y, groups, folds, seed=0)
    best = found.best
    assert best is not None and best.alone is not None and best.answers is not None
    assert best.pooled and best.rival is best.alone
    expected = apart(2) / best.alone.temperature + start.scores / start.temperature
    np.testing.assert_allclose(best.answers.scores, expected, rtol=1e-5)
    assert best.answers.accuracy > max(best.alone.accuracy, start.accuracy) + 0.03
    assert best.name == "a, tuned · with frozen"
    record = best.to_json(groups, 0)
    assert record["pooled"] is True
    assert record["score_alone"] == pytest.approx(best.alone.accuracy, abs=1e-6)
    scratch = Rung("a", "scratch", step.judge)
    assert climb(start, [scratch], y, groups, folds, seed=0).steps[0].rival is None
    alone = climb(start, [step], y, groups, folds, seed=0, may_pool=False)
    assert alone.best is None


def test_what_proves_itself_only_beside_the_frozen_one_is_pooled() -> None:
    """Both are not proved better than the rung alone, but they are proved better than frozen."""
    start = Answers.of(apart(1), np.ones(NUM, dtype=bool), y)
    shared, own = (np.random.default_rng(seed).normal(0, 1, (NUM, 3)) for seed in (1, 10))
    scores = (1.5 * np.eye(3)[y] + 0.8 * shared + 0.6 * own).astype(np.float32)
    step = Rung("a", "partial", lambda fold: scores[folds == fold])
    alone = climb(start, [step], y, groups, folds, seed=0, may_pool=False)
    assert alone.taken is None
    best = climb(start, [step], y, groups, folds, seed=0).best
    assert best is not None and best.pooled and best.answers is not None and best.alone is not None
    assert best.answers.accuracy > best.alone.accuracy > start.accuracy
    assert compared(best.answers, best.alone, groups, 0).outcome == "not proved"


def test_a_little_surer_is_not_worth_a_training() -> None:
    start = frozen(0.9)
    sharper = [start.scores + share * np.eye(3, dtype=np.float32)[y] for share in (0.02, 0.5)]
    assert (sharper[0].argmax(1) == start.scores.argmax(1)).all()
    little, much = (
        climb(start, [Rung("a", "partial", lambda f, s=s: s[folds == f])], y, groups, folds, seed=0)
        for s in sharper
    )
    step = little.steps[0]
    assert step.loss_gain is not None and step.loss_gain[0] > 0
    assert (step.outcome, little.taken) == ("no gain", None)
    assert step.answers is not None and step.answers.judged.sum() == NUM / 5
    assert much.taken == 0


def test_what_a_person_asked_for_is_pooled_where_that_seems_better() -> None:
    few = np.arange(NUM) < 60
    told = {"y": y[few], "groups": groups[few], "folds": folds[few], "seed": 0}
    start = Answers.of(scores_with(0.9)[few], np.ones(60, dtype=bool), y[few])
    asked: list[str] = []
    poor = rung("a", 0.5, asked)
    step = Rung("a", "partial", lambda fold: poor.judge(fold)[:12])
    best = climb(start, [step], **told, must_take=True).best
    assert asked == ["a0", "a1", "a2", "a3", "a4"]
    assert best is not None and best.answers is not None and best.alone is not None
    assert best.outcome == "no gain" and best.pooled
    assert best.answers.judged.all()
    assert best.answers.accuracy > best.alone.accuracy
    alone = climb(start, [step], **told, must_take=True, may_pool=False).best
    assert alone is not None and not alone.pooled


def test_what_a_person_asked_for_stands_alone_where_the_frozen_one_adds_nothing() -> None:
    found = climb(frozen(0.4), [rung("a", 0.9)], y, groups, folds, seed=0, must_take=True)
    assert found.best is not None and not found.best.pooled
    assert found.best.rival is not None


def test_what_a_person_asked_for_is_not_judged_longer_than_it_tells() -> None:
    asked: list[str] = []
    found = climb(frozen(0.9), [rung("a", 0.8, asked)], y, groups, folds, seed=0, must_take=True)
    assert asked == ["a0"]
    assert found.taken == 0


def test_a_rung_that_knows_better_stands_alone() -> None:
    found = climb(frozen(0.8), [rung("a", 1.0)], y, groups, folds, seed=0)
    assert found.best is not None and not found.best.pooled
    assert found.best.alone is found.best.answers
    assert found.best.rival is not None
    assert found.best.name == "a, tuned"


def test_the_record_is_plain() -> None:
    found = climb(frozen(0.8), [rung("a", 0.9), rung("b", 0.7)], y, groups, folds, seed=0)
    first, second = (step.to_json(groups, 0) for step in found.steps)
    assert first["gain"][1] > 0 and first["num_images"] == NUM
    assert second["outcome"] == "no gain"


@pytest.mark.parametrize("must_take", [False, True])
def test_a_person_may_end_it_and_frozen_stands(must_take: bool) -> None:
    def ended(_fold: int) -> np.ndarray:
        raise Interrupted

    rungs = [rung("a", 0.9), Rung("b", "partial", ended, 0.0), rung("c", 1.0)]
    found = climb(frozen(0.8), rungs, y, groups, folds, seed=0, must_take=must_take)
    assert [step.outcome for step in found.steps] == ["taken", "interrupted", "not tried"]
    assert found.steps[2].reason == "interrupted"
    assert found.is_interrupted
    assert found.best is None
