"""Logistic regression against scikit-learn's."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from headstart.heads import penalised, softmax
from headstart.heads.hold_out import hold_outs
from headstart.heads.softmax import SoftmaxHead, softmax_loss
from headstart.heads.spectrum import Rows


def problem(num_rows, dim, num_classes=3, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(num_classes, size=num_rows)
    X = random.normal(size=(num_rows, dim)) * np.logspace(-1, 1, dim) + 3
    X[:, :num_classes] += np.eye(num_classes)[y] * X[:, :num_classes].std(axis=0)
    return X, y


def theirs(X, y, penalty):
    # Multinomial also for two classes: the softmax of both columns, as here.
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000)
    return scaler, model.fit(scaler.transform(X), y)


@pytest.mark.parametrize(("num_rows", "dim"), [(150, 12), (40, 60)])
@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_is_scikit_learns(num_rows, dim, penalty):
    X, y = problem(num_rows, dim)
    head = SoftmaxHead(penalty).fit(X, y)
    scaler, model = theirs(X, y, penalty)
    weight = head.layers_[0].weight * scaler.scale_[:, None]
    np.testing.assert_allclose(weight, model.coef_.T, atol=1e-4)
    head.temperature_ = 1.0
    expected = model.predict_proba(scaler.transform(X))
    np.testing.assert_allclose(head.predict_proba(X), expected, atol=1e-4)


def test_two_classes_share_one_difference():
    # Two columns w and -w cost twice the square of w, one column of 2w four times.
    X, y = problem(80, 6, num_classes=2)
    head = SoftmaxHead(penalty=2.0).fit(X, y)
    scaler, model = theirs(X, y, 1.0)
    expected = model.decision_function(scaler.transform(X))
    np.testing.assert_allclose(head.decision_function(X), expected, atol=1e-3)


def test_the_gradient_is_that_of_the_loss():
    random = np.random.default_rng(0)
    y = random.integers(3, size=5)
    found = check_grad(
        lambda flat: softmax_loss(flat.reshape(5, 3).copy(), y)[0],
        lambda flat: softmax_loss(flat.reshape(5, 3).copy(), y)[1].ravel(),
        random.normal(size=15),
    )
    assert found < 1e-6


def test_noise_asks_for_a_larger_penalty_than_signal():
    X, y = problem(200, 40)
    shuffled = np.random.default_rng(1).permutation(y)
    assert SoftmaxHead().fit(X, shuffled).penalty_ > 3 * SoftmaxHead().fit(X, y).penalty_


def test_scores_of_noise_are_not_believed():
    X = np.random.default_rng(0).normal(size=(200, 40))
    y = np.arange(200) % 2
    assert SoftmaxHead().fit(X, y).predict_proba(X).max() < 0.75


def test_every_penalty_of_the_search_is_given_its_own_rule(monkeypatch):
    """Else a path that hardly moves hides the penalty that is best."""
    random = np.random.default_rng(0)
    y, strength = random.integers(8, size=900), np.arange(1, 401) ** -0.5
    inside = (random.normal(size=(900, 400)) + 0.3 * random.normal(size=(8, 400))[y]) * strength
    X = inside @ random.normal(size=(400, 400)) + random.normal(size=(900, 400))
    rows = Rows(np.maximum(X, 0).astype(np.float32))
    held = hold_outs(y, None, 0)[0]
    penalties = rows.spectrum.mean_eigenvalue * softmax._PROBLEM.penalties

    def judged():
        path = penalised._Path(softmax._PROBLEM, rows.spectrum, y, held, 0)
        return [softmax._PROBLEM.criterion(path.advance(p), y[held])[0] for p in penalties]

    found = judged()
    monkeypatch.setattr(penalised, "_SEARCH_TOLERANCE", 1e-7)
    np.testing.assert_allclose(found, judged(), atol=0.04)


def test_of_many_classes_the_search_does_not_stop_where_it_begins():
    # The slope at the start falls with the number of classes and rows.
    random = np.random.default_rng(0)
    y = random.integers(100, size=13_000)
    means = random.normal(size=(100, 64)) * 0.12
    X = means[y] + random.normal(size=(13_000, 64))
    head = SoftmaxHead().fit(X[:12_000], y[:12_000])
    accuracy = (head.predict(X[12_000:]) == y[12_000:]).mean()
    best = ((X[12_000:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert accuracy > 0.4 * (best == y[12_000:]).mean()
