"""The promise about the error of what is answered, checked by simulation and against scipy."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from headstart.metrics.abstention import (
    Abstention,
    abstention_at,
    binomial,
    risk_coverage,
    smallest_max_error,
    threshold_for,
    upper_bound,
)
from headstart.metrics.abstention import _most_mistakes as most_mistakes


def believable(random, num_rows):
    """Confidences of which each is the probability of being right; most are near 1."""
    confidence = (1 - 0.5 * random.random(num_rows) ** 6).astype(np.float32)
    return confidence, random.random(num_rows) < confidence


@pytest.fixture
def rows():
    confidence, correct = believable(np.random.default_rng(1), 500)
    confidence = np.round(confidence, 2)  # many are equal
    confidence[::50] = 0
    return confidence, correct


def test_the_curve_is_that_of_a_slow_loop(rows):
    confidence, correct = rows
    curve = risk_coverage(confidence, correct)
    assert curve.threshold.tolist() == sorted(set(confidence[confidence > 0]), reverse=True)
    for place, threshold in enumerate(curve.threshold):
        answered = confidence >= threshold
        assert curve.answered[place] == answered.sum()
        assert curve.wrong[place] == (~correct[answered]).sum()


def test_what_another_rule_leaves_unanswered_is_never_answered(rows):
    assert abstention_at(0.0, *rows).answered == 490
    assert risk_coverage(*rows).answered[-1] == 490


@pytest.mark.parametrize("answered", [1, 40, 3000])
@pytest.mark.parametrize("error", [0.001, 0.3])
def test_binomial_probabilities(answered, error):
    most = min(60, answered)
    expected = binom.pmf(np.arange(most + 1), answered, error)
    np.testing.assert_allclose(binomial(answered, error, most), expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(("wrong", "answered"), [(0, 10), (3, 50), (20, 4000), (7, 7)])
def test_the_bound_is_clopper_and_pearsons(wrong, answered):
    exact = binomtest(wrong, answered).proportion_ci(0.9, method="exact")
    assert upper_bound(wrong, answered, 0.05) == pytest.approx(exact.high, abs=1e-9)
    low, high = Abstention(0.5, answered, wrong, 0).coverage_interval(0.9)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_looking_at_many_thresholds_is_paid_for():
    """Answers that are wrong just as often as is forbidden pass any of the tests in 5 % of runs."""
    random = np.random.default_rng(0)
    answered = np.arange(1, 21) * 40
    limits = most_mistakes(answered, 0.05, 0.05)
    wrong = np.cumsum(random.random((40_000, 800)) < 0.05, axis=1)[:, answered - 1]
    passes = (wrong <= limits).any(axis=1).mean()
    assert 0.035 < passes < 0.055
    uncorrected = binom.ppf(0.05, answered, 0.05) - 1
    assert (wrong <= uncorrected).any(axis=1).mean() > 0.1


def test_the_promise_is_kept():
    """Of 200 samples, at least 95 % find a threshold whose true error is as promised, or none."""
    random = np.random.default_rng(2)
    population = believable(random, 200_000)
    found = [threshold_for(0.02, *believable(random, 1000)) for _ in range(200)]
    truth = [abstention_at(each.threshold, *population) for each in found if each]
    assert len(truth) > 190
    assert sum(each.error > 0.02 for each in truth) <= 10
    # It is of use: more than half of the 81 % that could be answered if all were known.
    assert np.mean([each.coverage for each in truth]) > 0.6
    inside = [
        low <= true.coverage <= high
        for each, true in zip(filter(None, found), truth, strict=True)
        for low, high in [each.coverage_interval()]
    ]
    assert np.mean(inside) > 0.9


def test_the_promise_is_kept_where_no_confidence_helps():
    """Every answer is wrong a little more often than is allowed, whatever its confidence."""
    random = np.random.default_rng(3)
    found = [
        threshold_for(0.05, random.random(400), random.random(400) > 0.051) for _ in range(200)
    ]
    assert sum(each is not None for each in found) <= 16  # 5 %, and three standard deviations


def test_the_smallest_threshold_is_taken_and_answers_what_it_says(rows):
    confidence, correct = rows
    found = threshold_for(0.1, confidence, correct)
    again = abstention_at(found.threshold, confidence, correct)
    assert (again.answered, again.wrong) == (found.answered, found.wrong)
    assert threshold_for(0.2, confidence, correct).threshold <= found.threshold
    assert threshold_for(0.9, confidence, correct).threshold == 0.0


def test_what_cannot_be_shown_is_not_promised(rows):
    confidence, correct = rows
    least = smallest_max_error(confidence, correct)
    assert threshold_for(least, confidence, correct) is not None
    assert threshold_for(least - 0.001, confidence, correct) is None
    # Not even perfect answers show more than their number does.
    perfect = smallest_max_error(confidence, np.ones(500, dtype=bool))
    assert upper_bound(0, 490, 0.05) < perfect < 2 * upper_bound(0, 490, 0.05)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_next_to_nothing_promises_next_to_nothing(number):
    confidence, correct = np.full(number, 0.9), np.ones(number, dtype=bool)
    assert threshold_for(0.1, confidence, correct) is None
    assert smallest_max_error(confidence, ~correct) == 1.0
    assert abstention_at(0.95, confidence, correct).error is None
