"""Dense layers with dropout: what they learn, and what is dropped."""

import numpy as np
import pytest

from headstart.heads.dense import DenseHead, SoftmaxLayerHead
from headstart.heads.network import Network
from headstart.heads.scikit import LogisticHead
from headstart.layers import Affine, Rectify


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    return (random.normal(size=(300, 20)) + 2 * np.eye(20)[y]).astype(np.float32), y


def test_layers_are_those_of_the_tutorial(problem):
    head = DenseHead(hidden=16, epochs=2).fit(*problem)
    first, rectify, second = head.layers_
    assert isinstance(rectify, Rectify)
    assert isinstance(first, Affine) and first.weight.shape == (20, 16)
    assert second.weight.shape == (16, 3)
    assert len(SoftmaxLayerHead(epochs=2).fit(*problem).layers_) == 1


def test_one_softmax_layer_learns_what_logistic_regression_learns(problem):
    X, y = problem
    ours = SoftmaxLayerHead(epochs=300, batch_size=300, rate=0.05).fit(X, y)
    theirs = LogisticHead(C=1e6, max_iter=500).fit(X, y)
    agree = ours.scores(X).argmax(axis=1) == theirs.scores(X).argmax(axis=1)
    assert agree.mean() > 0.98


def test_gradients_are_those_of_differences(problem):
    X, y = problem[0][:8].astype(np.float32), problem[1][:8]
    network = Network((20, 6, 3), seed=0)

    def loss():
        from headstart.heads.network import loss_and_accuracy

        return loss_and_accuracy(network.layers(), X, y)[0]

    network.differentiate(X, y)
    slopes = network.slopes.copy()
    for place in (0, 50, 121, 130):
        before = network.values[place]
        network.values[place] = before + 1e-2
        high = loss()
        network.values[place] = before - 1e-2
        low = loss()
        network.values[place] = before
        assert slopes[place] == pytest.approx((high - low) / 2e-2, abs=2e-3)


def test_dropout_drops_its_share_and_keeps_the_mean():
    network = Network((4, 1000, 2), seed=0, dropout=0.5)
    dropped = network._dropped(np.ones((200, 1000), np.float32))
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert dropped.mean() == pytest.approx(1, abs=0.02)


def test_the_curve_is_that_of_the_same_training(problem):
    X, y = problem
    head = DenseHead(hidden=16, epochs=5, seed=3)
    curve = head.curve(X[:200], y[:200], X[200:], y[200:])
    assert len(curve) == 5
    head.fit_rows(type("Rows", (), {"X": X[:200]}), y[:200], None)
    assert curve[-1].held_accuracy == pytest.approx(
        (head.scores(X[200:]).argmax(axis=1) == y[200:]).mean()
    )
    assert curve[-1].loss < curve[0].loss


def test_the_same_seed_gives_the_same_head(problem):
    scores = [DenseHead(hidden=8, epochs=3, seed=4).fit(*problem).scores(problem[0][:5])] * 2
    np.testing.assert_array_equal(*scores)
