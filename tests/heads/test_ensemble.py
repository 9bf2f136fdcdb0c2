"""Weights of pooled heads, against a slow search and against what they must not see."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from headstart.heads.ensemble import HeldOut, cross_fitted, pool_weights


def answers(num_rows=300, sharp=(2.0, 1.0, 0.0), num_classes=4, seed=0):
    """Log probabilities of heads that know more, less and nothing: [K, N, C]; and the classes."""
    random = np.random.default_rng(seed)
    y = random.integers(num_classes, size=num_rows)
    truth = np.eye(num_classes)[y]
    scores = [s * truth + random.normal(size=truth.shape) for s in sharp]
    return log_softmax(np.array(scores), axis=2).astype(np.float32), y


def weights_of(scores, y, seed=0, temperature=1.0):
    """With scores that need a temperature of their own."""
    return pool_weights(held(scores, temperature), y, np.arange(len(y)), seed)


def held(scores, temperature=1.0):
    return HeldOut(tuple(temperature * scores), (temperature,) * len(scores))


def loss(weights, scores, y):
    sums = log_softmax(np.tensordot(weights, scores.astype(float), 1), axis=1)
    pull = len(scores) / len(y) * ((weights - 1 / len(scores)) ** 2).sum()
    return pull - sums[np.arange(len(y)), y].mean()


def test_the_weights_have_the_lowest_loss():
    scores, y = answers(sharp=(2.0, 1.0, 1.5))
    found = weights_of(scores, y, temperature=3.0)
    slow = minimize(loss, np.ones(3), (scores, y), method="Nelder-Mead", tol=1e-9)
    np.testing.assert_allclose(found, slow.x, atol=1e-3)


def test_a_head_that_misleads_is_left_out_and_a_better_one_counts_more():
    weights = weights_of(*answers(num_rows=3000, sharp=(2.0, 1.0, -0.3)))
    assert weights[2] == 0
    assert weights[0] > weights[1] > 0


def test_pooling_is_better_than_the_best_alone():
    scores, y = answers(sharp=(1.2, 1.0, 1.1))
    fresh, theirs = answers(sharp=(1.2, 1.0, 1.1), seed=1)
    pooled = held(fresh, 2.0).pooled(weights_of(scores, y), np.arange(300))
    np.testing.assert_allclose(pooled, np.tensordot(weights_of(scores, y), fresh, 1), rtol=1e-4)
    right = pooled.argmax(axis=1) == theirs
    alone = (fresh.argmax(axis=2) == theirs).mean(axis=1)
    assert right.mean() > alone.max() + 0.05


def test_with_a_handful_of_rows_shares_are_nearly_equal():
    few, many = (weights_of(*answers(num_rows=n, sharp=(2.0, 1.0))) for n in (4, 3000))
    assert abs(np.diff(few / few.sum())[0]) < 0.5 * abs(np.diff(many / many.sum())[0])


def test_without_rows_they_are_equal():
    scores, y = answers(num_rows=0)
    np.testing.assert_array_equal(weights_of(scores, y), np.full(3, 1 / 3))


def test_heads_that_are_wrong_throughout_still_answer():
    scores, y = answers(sharp=(-3.0, -3.0, -3.0))
    np.testing.assert_array_equal(weights_of(scores, y), np.full(3, 1 / 3))


def test_a_row_has_no_part_in_the_weights_that_judge_it():
    scores, y = answers(num_rows=100)
    folds = np.arange(100) % 5
    usable = np.ones(100, dtype=bool)
    before = cross_fitted(held(scores), y, folds, usable)
    lies = np.where(folds == 2, (y + 1) % 4, y)
    after = cross_fitted(held(scores), lies, folds, usable)
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert not np.array_equal(before[folds != 2], after[folds != 2])


def test_nor_in_the_temperatures():
    """Those of all rows would favour the head that happens to be right about the fold."""
    scores, y = answers(num_rows=100)
    folds, usable = np.arange(100) % 5, np.ones(100, dtype=bool)
    found = [
        cross_fitted(HeldOut(tuple(scores), temperatures), y, folds, usable)
        for temperatures in ((1.0, 1.0, 1.0), (50.0, 1.0, 0.01))
    ]
    np.testing.assert_array_equal(*found)


def test_rows_that_are_not_usable_have_none_either():
    scores, y = answers(num_rows=100)
    folds, usable = np.arange(100) % 5, np.arange(100) >= 10
    lies = np.where(usable, y, (y + 1) % 4)
    found = [cross_fitted(held(scores), labels, folds, usable) for labels in (y, lies)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("seed", [0, 1])
def test_where_rows_are_many_some_are_drawn(monkeypatch, seed):
    from headstart.heads import ensemble

    scores, y = answers(num_rows=2000)
    everything = weights_of(scores, y, seed)
    monkeypatch.setattr(ensemble, "_MOST_ROWS", 500)
    some = weights_of(scores, y, seed)
    assert not np.array_equal(some, everything)
    np.testing.assert_array_equal(some, weights_of(scores, y, seed))
    np.testing.assert_allclose(some, everything, atol=0.3)
