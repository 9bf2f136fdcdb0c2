"""Discriminant analysis against scikit-learn's."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as their_ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from headstart.heads import discriminant
from headstart.heads.discriminant import DiscriminantHead, ledoit_wolf


def problem(num_rows, dim):
    random = np.random.default_rng(0)
    y = np.minimum(random.integers(5, size=num_rows), 2)
    X = random.normal(size=(num_rows, dim)) * np.linspace(0.5, 3, dim) + 2 * np.eye(dim)[y] + 3
    centred = X - X.mean(axis=0)
    return X, y, centred / np.linalg.norm(centred, axis=1, keepdims=True)


@pytest.mark.parametrize(("num_rows", "dim"), [(150, 12), (40, 60)])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_log_posteriors_are_scikit_learns(num_rows, dim, shrinkage):
    X, y, directions = problem(num_rows, dim)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(directions, y)
    head = DiscriminantHead(shrinkage).fit(X, y)
    head.temperature_ = 1.0
    np.testing.assert_allclose(
        head.predict_proba(X), model.predict_proba(directions), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(("num_rows", "dim"), [(150, 12), (40, 60)])
def test_the_shrinkage_is_ledoit_and_wolfs(num_rows, dim):
    X, y, directions = problem(num_rows, dim)
    within = directions - np.array([directions[y == label].mean(axis=0) for label in range(3)])[y]
    expected = their_ledoit_wolf(within, assume_centered=True)[1]
    assert 0.001 < expected < 1
    fourth = (np.linalg.norm(within, axis=1) ** 4).mean()
    covariance = within.T @ within / num_rows
    assert ledoit_wolf(fourth, covariance, len(covariance), num_rows) == pytest.approx(expected)
    assert DiscriminantHead().fit(X, y).shrinkage_ == pytest.approx(expected, rel=1e-4)


def test_classes_without_spread_and_no_shrinkage_still_solve():
    X, y = np.repeat(np.eye(3), 4, axis=0), np.repeat(range(3), 4)
    assert DiscriminantHead().fit(X, y).score(X, y) == 1
    assert DiscriminantHead(shrinkage=0.0).fit(X, y).score(X, y) == 1


def test_few_rows_and_many_give_the_same_by_either_way(monkeypatch):
    """The N x N way against the D x D way, on the same rows."""
    random = np.random.default_rng(4)
    X, y = random.random((40, 90)).astype(np.float32), np.arange(40) % 3
    for shrinkage in (None, 0.3):
        wide = DiscriminantHead(shrinkage=shrinkage).fit(X, y)
        with monkeypatch.context() as patch:
            patch.setattr(discriminant, "_products", discriminant._covariance)
            patch.setattr(
                discriminant, "_solve_wide", lambda c, rows, s, m: discriminant._solve(c, s, m)
            )
            tall = DiscriminantHead(shrinkage=shrinkage).fit(X, y)
        assert wide.shrinkage_ == pytest.approx(tall.shrinkage_, rel=1e-4)
        assert np.allclose(wide.scores(X), tall.scores(X), rtol=1e-3, atol=1e-3)
