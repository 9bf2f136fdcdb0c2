"""The nearest rows, against scikit-learn's and a slow loop."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from headstart.metrics import nearness
from headstart.metrics.nearness import directions, nearest


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)


def test_are_scikit_learns(features):
    theirs = NearestNeighbors(n_neighbors=11, metric="cosine").fit(features)
    distances, rows = theirs.kneighbors(features)
    units = directions(features)
    found = nearest(units, np.arange(200), units, np.arange(200), 10)
    np.testing.assert_array_equal(found.rows, rows[:, 1:])  # theirs begin with the row itself
    np.testing.assert_allclose(found.similarity, 1 - distances[:, 1:], atol=1e-6)
    np.testing.assert_allclose(found.distance, distances[:, 1:].mean(axis=1), atol=1e-6)


def test_own_group_is_no_neighbour(features):
    groups = np.arange(200) // 5
    units = directions(features)
    found = nearest(units, groups, units, groups, 3)
    for row in range(200):
        others = np.flatnonzero(groups != groups[row])
        similarity = units[others] @ units[row]
        assert found.rows[row].tolist() == others[np.argsort(-similarity)[:3]].tolist()


def test_too_few_to_compare_is_infinitely_far(features):
    units = directions(features[:5])
    groups = np.array([0, 0, 0, 1, 1])
    assert np.isfinite(nearest(units, groups, units, groups, 2).distance).tolist() == [True] * 5
    far = nearest(units, groups, units, groups, 3)
    assert np.isfinite(far.distance).tolist() == [False, False, False, True, True]


def test_blocks_make_no_difference(features, monkeypatch):
    units = directions(features)
    whole = nearest(units, np.arange(200), units, np.arange(200), 4)
    monkeypatch.setattr(nearness, "_COMPARED", 200 * 7)
    parts = nearest(units, np.arange(200), units, np.arange(200), 4)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    np.testing.assert_allclose(parts.similarity, whole.similarity, atol=1e-6)


def test_a_row_without_length_has_no_direction():
    units = directions(np.zeros((3, 4)))
    assert (units == 0).all()
    assert nearest(units, np.arange(3), units, np.arange(3), 2).distance.tolist() == [1, 1, 1]
