import numpy as np
import pytest
from scipy import stats

from headstart.errors import NotEnoughData
from headstart.metrics.comparison import (
    bias_corrected_best,
    paired_difference,
    paired_differences,
)
from headstart.metrics.intervals import wilson


def pair(both, only_a, only_b, neither):
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False] * 2, counts)


def test_a_difference_lies_in_its_interval_and_turns_its_sign_with_the_order():
    a, b = pair(150, 30, 10, 10)
    forward, backward = paired_difference(a, b), paired_difference(b, a)
    assert forward.difference == pytest.approx(0.1)
    assert 0 < forward.low < forward.difference < forward.high
    assert (backward.low, backward.high) == pytest.approx((-forward.high, -forward.low))


def test_the_interval_of_a_difference_is_about_that_of_the_normal_formula():
    a, b = pair(1500, 300, 200, 0)
    gains = a.astype(float) - b
    half = 1.96 * gains.std() / np.sqrt(2000)
    interval = paired_difference(a, b)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.06)


def test_groups_widen_the_interval_of_a_difference():
    a, b = (np.repeat(correct, 10) for correct in pair(20, 6, 4, 0))
    groups = np.repeat(np.arange(30), 10)
    alone, together = paired_difference(a, b), paired_difference(a, b, groups)
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_equal_answers_do_not_prove_equality():
    a = np.repeat([True, False], [80, 20])
    unseen = wilson(0, 100).high
    interval = paired_difference(a, a)
    assert (interval.low, interval.difference, interval.high) == (-unseen, 0, unseen)


def equal_candidates(random, num_candidates, num_rows, share=0.89, correlation=0.7):
    luck = random.normal(size=num_rows) * np.sqrt(correlation)
    own = random.normal(size=(num_candidates, num_rows)) * np.sqrt(1 - correlation)
    return luck + own < stats.norm.ppf(share)


@pytest.mark.parametrize(("num_rows", "optimism"), [(100, 0.048), (300, 0.029)])
def test_the_luck_of_the_best_of_forty_is_taken_out(num_rows, optimism):
    # The published method's promise, on the worst case: forty equally good candidates.
    random = np.random.default_rng(0)
    naive, corrected, covered = [], [], []
    for seed in range(150):
        correct = equal_candidates(random, 40, num_rows)
        estimate, interval = bias_corrected_best(correct, resamples=200, seed=seed)
        naive.append(correct.mean(axis=1).max() - 0.89)
        corrected.append(estimate - 0.89)
        covered.append(interval.low <= 0.89 <= interval.high)
    assert np.mean(naive) == pytest.approx(optimism, abs=0.01)
    assert np.mean(corrected) == pytest.approx(0, abs=0.01)
    assert np.mean(covered) > 0.93


def test_a_single_candidate_keeps_its_accuracy():
    correct = np.random.default_rng(0).random((1, 200)) < 0.8
    estimate, interval = bias_corrected_best(correct)
    assert estimate == pytest.approx(correct.mean(), abs=0.005)
    assert interval.method == "BBC-CV"
    assert interval.low < correct.mean() < interval.high


def test_copies_in_a_group_do_not_help_the_choice():
    random = np.random.default_rng(0)
    correct = equal_candidates(random, 20, 50)
    groups = np.arange(50)
    alone = bias_corrected_best(correct, groups, seed=3)
    copied = bias_corrected_best(np.repeat(correct, 4, axis=1), np.repeat(groups, 4), seed=3)
    assert copied[0] == pytest.approx(alone[0])
    assert (copied[1].low, copied[1].high) == pytest.approx((alone[1].low, alone[1].high))


def test_the_rule_that_was_really_used_can_be_given():
    random = np.random.default_rng(0)
    correct = np.stack([random.random(100) < 0.9, random.random(100) < 0.6])
    shapes = []

    def always_second(counts):
        shapes.append(counts.shape[1])
        return np.ones(len(counts), dtype=int)

    estimate, _ = bias_corrected_best(correct, np.arange(100) // 2, choose=always_second)
    assert estimate == pytest.approx(correct[1].mean(), abs=0.02)
    assert set(shapes) == {100}


def test_never_certain_of_a_winner_without_mistakes():
    estimate, interval = bias_corrected_best(np.ones((3, 40), dtype=bool))
    assert estimate == 1
    assert (interval.low, interval.high) == (wilson(40, 40).low, 1)


def test_a_choice_that_is_seldom_wrong_still_has_an_interval():
    def seldom_the_wrong_one(counts):
        return (counts[:, 0] >= 5).astype(int)

    correct = np.stack([np.ones(40, dtype=bool), np.zeros(40, dtype=bool)])
    estimate, interval = bias_corrected_best(correct, choose=seldom_the_wrong_one)
    assert 0.99 < estimate < 1
    assert interval.low < 0.93
    assert estimate <= interval.high


def test_a_single_group_cannot_be_split():
    with pytest.raises(NotEnoughData, match="all 5 pictures"):
        bias_corrected_best(np.ones((3, 5), dtype=bool), np.zeros(5))


def test_several_differences_are_each_as_alone():
    random = np.random.default_rng(0)
    correct, other = random.random((4, 300)) < 0.8, random.random(300) < 0.7
    groups = np.arange(300) // 3
    several = paired_differences(correct, other, groups, seed=5)
    for found, each in zip(several, correct, strict=True):
        alone = paired_difference(each, other, groups, seed=5)
        assert found.difference == alone.difference
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-12)
