"""Nearest neighbours against scikit-learn's."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from headstart.heads.neighbors import NeighborsHead


def problem(num_rows=120, dim=10, num_classes=4):
    random = np.random.default_rng(0)
    y = random.integers(num_classes, size=num_rows)
    return random.normal(size=(num_rows, dim)) + 2 * np.eye(dim)[y] + 3, y


def test_even_votes_are_scikit_learns():
    X, y = problem()
    other = problem(50)[0] + 0.1
    head = NeighborsHead(neighbors=7, sharpness=0.0).fit(X, y)
    model = KNeighborsClassifier(7, metric="cosine").fit(X - X.mean(axis=0), y)
    shares = np.exp(head.scores(other))
    np.testing.assert_allclose(shares, model.predict_proba(other - X.mean(axis=0)), atol=2e-3)


def test_sharp_votes_weigh_by_similarity():
    X, y = problem()
    model = KNeighborsClassifier(
        7, metric="cosine", weights=lambda distance: np.exp(-5 * (distance - distance[:, :1]))
    )
    model.fit(X - X.mean(axis=0), y)
    other = problem(50)[0] + 0.1
    shares = np.exp(NeighborsHead(neighbors=7, sharpness=5.0).fit(X, y).scores(other))
    np.testing.assert_allclose(shares, model.predict_proba(other - X.mean(axis=0)), atol=2e-3)


def test_fewer_rows_than_neighbours_all_vote():
    X, y = np.eye(4), np.array([0, 0, 1, 1])
    assert NeighborsHead(neighbors=10).fit(X, y).layers_[-1].neighbours == 4


def test_too_many_rows_are_thinned_class_by_class():
    X, _ = problem(400)
    y = np.repeat([0, 1, 2], [300, 99, 1])
    head = NeighborsHead(max_rows=100).fit(X, y)
    np.testing.assert_array_equal(np.bincount(y[head.bank_rows_]), [75, 24, 1])
    assert len(head.layers_[-1].bank) == 100
    np.testing.assert_array_equal(head.bank_rows_, NeighborsHead(max_rows=100).fit(X, y).bank_rows_)
