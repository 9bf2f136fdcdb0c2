"""The network against scikit-learn's, step by step and by what it learns."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from headstart.heads.mlp import FullyConnectedHead
from headstart.heads.network import Network
from headstart.heads.spectrum import Rows


@pytest.mark.parametrize("num_classes", [3, 5])
def test_steps_are_scikit_learns(num_classes):
    random = np.random.default_rng(0)
    y = np.arange(40) % num_classes
    x = random.normal(size=(40, 6)).astype(np.float32)
    network = Network((6, 8, num_classes), seed=0)
    # One batch an epoch; their weight decay is divided by its rows.
    settings = {"alpha": 0.05 * 40, "batch_size": 40, "shuffle": False, "random_state": 0}
    theirs = MLPClassifier((8,), learning_rate_init=0.01, **settings)
    theirs.partial_fit(x, y, classes=range(num_classes))
    first, first_bias, second, second_bias = network.parts(network.values)
    for own, weights in zip((first, second), theirs.coefs_, strict=True):
        own[:] = weights
    for own, bias in zip((first_bias, second_bias), theirs.intercepts_, strict=True):
        own[:] = bias
    for vector, moments in (
        (network.mean, theirs._optimizer.ms),
        (network.square, theirs._optimizer.vs),
    ):
        weights, biases = moments[:2], moments[2:]
        for own, value in zip(
            network.parts(vector), (weights[0], biases[0], weights[1], biases[1]), strict=True
        ):
            own[:] = value
    network.num_steps = 1
    for _ in range(5):
        theirs.partial_fit(x, y)
        network.differentiate(x, y, 0.05)
        network.step(0.01)
    np.testing.assert_allclose(first, theirs.coefs_[0], atol=1e-4)
    np.testing.assert_allclose(second, theirs.coefs_[1], atol=1e-4)
    np.testing.assert_allclose(first_bias, theirs.intercepts_[0], atol=1e-4)
    np.testing.assert_allclose(second_bias, theirs.intercepts_[1], atol=1e-4)


def test_learns_what_no_linear_rule_can():
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, size=(400, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    head = FullyConnectedHead(hidden=64, weight_decay=0.0).fit_rows(Rows(X), y, None)
    assert head.score(X, y) > 0.9


def test_predicts_about_as_well_as_scikit_learns():
    random = np.random.default_rng(0)
    y = np.arange(600) % 3
    X = random.normal(size=(600, 30)) + 0.7 * np.eye(30)[y] * 3
    head = FullyConnectedHead(hidden=64).fit_rows(Rows(X[:300]), y[:300], None)
    theirs = MLPClassifier((64,), alpha=1.0, max_iter=60, tol=0, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        theirs.fit(X[:300], y[:300])
    assert head.score(X[300:], y[300:]) > theirs.score(X[300:], y[300:]) - 0.02


def test_of_many_classes_it_learns_too():
    random = np.random.default_rng(0)
    y = random.integers(50, size=5000)
    means = random.normal(size=(50, 64)) * 0.2
    X = means[y] + random.normal(size=(5000, 64))
    head = FullyConnectedHead(hidden=64).fit_rows(Rows(X[:4000]), y[:4000], None)
    best = ((X[4000:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert head.score(X[4000:], y[4000:]) > 0.4 * (best == y[4000:]).mean()


def test_weights_that_fade_become_zero():
    """Numbers below the smallest normal one made the last epochs twenty times as slow."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(256, 32)).astype(np.float32), random.integers(2, size=256)
    network = Network((32, 64, 2), seed=0)
    for number in range(3000):
        network.differentiate(x, y, weight_decay=0.3)
        network.step(3e-3 * (1 + np.cos(np.pi * number / 3000)) / 2)
    smallest = np.finfo(np.float32).smallest_normal
    for numbers in (network.values, network.mean):
        assert not ((numbers != 0) & (np.abs(numbers) < smallest)).any()
