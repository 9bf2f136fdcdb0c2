"""One given penalty, on the rows as they are: scikit-learn's solution."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from headstart.heads import direct, softmax
from headstart.heads.softmax import SoftmaxHead, softmax_loss
from headstart.heads.spectrum import Rows


def problem(num_rows, dim, num_classes):
    random = np.random.default_rng(0)
    y = np.arange(num_rows) % num_classes
    strength = np.arange(1, dim + 1) ** -0.5
    mixing = random.normal(size=(dim, dim))
    X = (random.normal(size=(num_rows, dim)) + 2 * np.eye(dim)[y]) * strength @ mixing + 5
    X[:, -1] = 3.0  # constant
    return X.astype(np.float32), y


def objective(X, y, penalty, weight, bias):
    X = X.astype(np.float64)
    coefficients = weight * np.where(X.std(axis=0) > 1e-6, X.std(axis=0), 0)[:, None]
    return softmax_loss(X @ weight + bias, y)[0] + penalty / 2 * (coefficients**2).sum()


@pytest.mark.parametrize("num_classes", [2, 5])
@pytest.mark.parametrize("penalty", [1.0, 100.0])
def test_the_loss_is_as_low_as_scikit_learns(num_classes, penalty):
    X, y = problem(900, 80, num_classes)
    found = direct.fit(softmax._PROBLEM, Rows(X), y, penalty)
    scaler = StandardScaler().fit(X.astype(np.float64))
    # Of two classes theirs has one column, the difference of ours: twice its squares.
    strength = (2 if num_classes == 2 else 1) / penalty
    model = LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    model.fit(scaler.transform(X.astype(np.float64)), y)
    weight, bias = model.coef_.T / scaler.scale_[:, None], model.intercept_
    if num_classes == 2:
        weight, bias = weight @ [[-0.5, 0.5]], bias @ [[-0.5, 0.5]]
    bias = bias - scaler.mean_ @ weight
    ours = objective(X, y, penalty, found.weight.astype(np.float64), found.bias)
    assert ours == pytest.approx(objective(X, y, penalty, weight, bias), rel=1e-5)
    np.testing.assert_allclose(found.run(X), X @ weight + bias, atol=0.05)


def test_many_numbers_are_solved_without_a_decomposition(monkeypatch):
    X, y = problem(300, 60, 3)
    decomposed = SoftmaxHead(penalty=3.0).fit(X, y)
    monkeypatch.setattr(softmax, "_MANY", 1)
    monkeypatch.setattr("headstart.heads.spectrum.decompose", None)
    head = SoftmaxHead(penalty=3.0).fit(X, y)
    assert head.penalty_ == 3.0
    np.testing.assert_allclose(head.predict_proba(X), decomposed.predict_proba(X), atol=2e-3)
