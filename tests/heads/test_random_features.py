"""Random features against scikit-learn's ridge on the same features."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from headstart.heads.random_features import RandomFeaturesHead
from headstart.heads.ridge import RidgeHead
from headstart.heads.spectrum import Rows
from headstart.layers import Affine, Rectify


def test_is_scikit_learns_ridge_on_the_rectified_projection():
    random = np.random.default_rng(0)
    y = np.arange(80) % 3
    X = (random.normal(size=(80, 12)) * np.logspace(-1, 1, 12) + 4).astype(np.float32)
    head = RandomFeaturesHead(width=50).fit(X, y)
    projection, _, ridge = head.layers_
    assert [type(layer) for layer in head.layers_] == [Affine, Rectify, Affine]
    assert ridge.weight.shape == (50, 3)

    numbers = projection.weight * StandardScaler().fit(X).scale_[:, None] * np.sqrt(12)
    assert numbers.mean() == pytest.approx(0, abs=0.1)
    assert numbers.std() == pytest.approx(1, abs=0.1)
    seen = np.maximum(StandardScaler().fit_transform(X) @ numbers / np.sqrt(12), 0)
    Z = StandardScaler().fit_transform(seen)
    theirs = Ridge(alpha=head.ridge_.penalty_).fit(Z, np.eye(3)[y])
    np.testing.assert_allclose(head.scores(X), theirs.predict(Z), atol=1e-3)
    assert head.temperature_ == head.ridge_.loo_temperature_


def test_learns_what_ridge_cannot():
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, size=(600, 2)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    head, ridge = RandomFeaturesHead(200), RidgeHead()
    assert ridge.fit(X[:400], y[:400]).score(X[400:], y[400:]) < 0.7
    assert head.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9


def test_a_seed_draws_the_features():
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 2
    first, again, other = (
        RandomFeaturesHead(50, seed=seed).fit_rows(Rows(X), y, None).layers_[0].weight
        for seed in (1, 1, 2)
    )
    assert first.shape == (4, 50)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
