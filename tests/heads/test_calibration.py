"""The temperature, against a fine grid and scipy's minimiser."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import log_loss as their_log_loss

from headstart.heads import calibration
from headstart.heads.calibration import fit_temperature, log_loss, row_losses
from headstart.layers import softmax


def drawn(num_rows, num_classes, temperature, seed=0):
    """Scores whose labels are drawn from ``softmax(scores / temperature)``."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(num_rows, num_classes)) * 3
    probabilities = softmax(scores, temperature)
    y = np.array([random.choice(num_classes, p=p / p.sum()) for p in probabilities.astype(float)])
    return scores, y


def smoothed_loss(temperature, scores, y):
    num_rows, num_classes = scores.shape
    targets = np.full(scores.shape, 1 / (num_rows + 2) / (num_classes - 1))
    targets[np.arange(num_rows), y] = 1 - 1 / (num_rows + 2)
    return -(targets * log_softmax(scores / temperature, axis=1)).sum(axis=1).mean()


@pytest.mark.parametrize(("num_classes", "scale"), [(2, 1.0), (5, 0.01), (3, 1000.0)])
def test_is_the_minimum(num_classes, scale):
    scores, y = drawn(200, num_classes, 2.0)
    found = fit_temperature(scale * scores, y)
    best = minimize_scalar(
        lambda log: smoothed_loss(np.exp(log), scores, y), bounds=(-5, 5), options={"xatol": 1e-8}
    )
    assert found == pytest.approx(scale * np.exp(best.x), rel=1e-4)


@pytest.mark.parametrize("at_once", [1, 70, 5 * 99])
def test_many_scores_are_worked_on_in_blocks_to_the_same_bits(monkeypatch, at_once):
    scores, y = drawn(200, 5, 2.0)
    scores = scores.astype(np.float32)
    temperature, losses = fit_temperature(scores, y), row_losses(scores, y, 2.0)
    monkeypatch.setattr(calibration, "_AT_ONCE", at_once)
    sizes = []
    softmax64 = calibration.softmax64
    monkeypatch.setattr(
        calibration, "softmax64", lambda part: sizes.append(part.size) or softmax64(part)
    )
    assert fit_temperature(scores, y) == temperature
    np.testing.assert_array_equal(row_losses(scores, y, 2.0), losses)
    assert max(sizes) == max(5, at_once // 5 * 5)


def test_recovers_the_temperature_that_labels_were_drawn_with():
    assert fit_temperature(*drawn(4000, 4, 0.5)) == pytest.approx(0.5, rel=0.1)
    assert fit_temperature(*drawn(4000, 4, 5.0)) == pytest.approx(5.0, rel=0.1)


def test_perfect_separation_promises_no_more_than_the_rows_can_show():
    y = np.arange(98) % 2
    scores = np.eye(2)[y]
    assert softmax(scores, fit_temperature(scores, y)).max() == pytest.approx(0.99, abs=1e-4)


def test_scores_that_are_wrong_give_even_probabilities():
    y = np.arange(50) % 2
    scores = np.eye(2)[1 - y]
    np.testing.assert_allclose(softmax(scores, fit_temperature(scores, y)), 0.5, atol=1e-4)


def test_nothing_to_learn_from_gives_one():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int)) == 1
    assert fit_temperature(np.full((4, 3), 7.0), np.array([0, 1, 2, 0])) == 1


def test_row_losses_and_their_mean_are_scikit_learns():
    scores, y = drawn(50, 4, 1.0)
    probabilities = np.exp(log_softmax(scores / 1.7, axis=1))
    expected = their_log_loss(y, probabilities, labels=range(4))
    assert (
        row_losses(scores, y, 1.7).mean()
        == log_loss(scores, y, 1.7)
        == pytest.approx(expected, rel=1e-9)
    )
