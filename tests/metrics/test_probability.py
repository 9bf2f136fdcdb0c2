import numpy as np
import pytest
from sklearn import metrics

from headstart.metrics.probability import calibration_error, log_loss, reliability


@pytest.fixture
def answers():
    random = np.random.default_rng(0)
    p = random.dirichlet([0.5] * 4, size=500)
    return np.array([random.choice(4, p=row) for row in p]), p


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_is_that_of_scikit_learn(answers, dtype):
    y, p = answers
    p = p.astype(dtype)
    p[0] = np.eye(4)[(y[0] + 1) % 4]  # Sure, and wrong.
    assert log_loss(y, p) == pytest.approx(metrics.log_loss(y, p, labels=range(4)), rel=1e-6)


def slow_calibration_error(y, p, bins):
    order = np.argsort(p.max(axis=1))
    total = 0.0
    for part in np.array_split(order, bins):
        right = [p[row].argmax() == y[row] for row in part]
        sure = [p[row].max() for row in part]
        total += abs(np.mean(right) - np.mean(sure)) * len(part)
    return total / len(y)


@pytest.mark.parametrize("bins", [1, 10, 20])
def test_calibration_error_is_that_of_a_slow_loop(answers, bins):
    y, p = answers
    assert calibration_error(y, p, bins) == pytest.approx(slow_calibration_error(y, p, bins))


@pytest.mark.parametrize(("num_rows", "chance"), [(16, 0.14), (60, 0.08), (1000, 0.05)])
def test_answers_that_are_as_sure_as_right_err_little(num_rows, chance):
    random = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        sure = random.uniform(0.5, 1, num_rows)
        p = np.stack([sure, 1 - sure], axis=1)
        errors.append(calibration_error((random.random(num_rows) > sure).astype(int), p))
    assert np.mean(errors) < chance


def test_overconfidence_is_seen(answers):
    y, p = answers
    sharpened = p**4 / (p**4).sum(axis=1, keepdims=True)
    assert calibration_error(y, sharpened) > calibration_error(y, p) + 0.1


def test_equally_sure_answers_share_a_bin_whatever_the_order_of_the_rows():
    p = np.tile([0.8, 0.2], (50, 1))
    y = np.array([0] * 40 + [1] * 10)
    assert calibration_error(y, p) == pytest.approx(0, abs=1e-12)
    assert calibration_error(y[::-1], p) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("num_rows", [1, 7, 500])
def test_the_curve_has_every_row_once(answers, num_rows):
    y, p = answers[0][:num_rows], answers[1][:num_rows]
    curve = reliability(y, p, bins=15)
    assert curve.count.sum() == num_rows
    assert (curve.count > 0).all()
    assert (np.diff(curve.confidence) > 0).all()
    assert np.average(curve.accuracy, weights=curve.count) == pytest.approx(
        np.mean(p.argmax(axis=1) == y)
    )
