"""Outliers: the planted stranger comes first, and ordinary pictures are left alone."""

import numpy as np
import pytest
from scipy.stats import norm

from headstart.audit.chance import expected_by_chance
from headstart.audit.outliers import neighbourhood, outliers


def crowd(seed, number=300):
    random = np.random.default_rng(seed)
    centres = np.abs(random.normal(size=(3, 20)))
    return centres[np.arange(number) % 3] + 0.3 * np.abs(random.normal(size=(number, 20)))


@pytest.mark.parametrize("seed", range(5))
def test_the_stranger_comes_first_and_alone(seed):
    X = crowd(seed)
    X[17] = 0
    X[17, 3] = 5
    found = outliers(neighbourhood(X, np.arange(300)))
    assert found.order[0] == 17
    assert found.unlike[17]
    assert found.unlike.sum() <= 2


def test_copies_do_not_hide_a_stranger():
    X = crowd(0)
    X[:12] = np.eye(20)[3] * 5
    alone = np.arange(300)
    together = np.where(alone < 12, 0, alone)
    assert not outliers(neighbourhood(X, alone)).unlike[:12].any()
    assert outliers(neighbourhood(X, together)).unlike[:12].all()


def test_few_or_equal_pictures_are_never_unlike():
    assert not outliers(neighbourhood(crowd(0, 12), np.arange(12))).unlike.any()
    assert not outliers(neighbourhood(np.ones((50, 4)), np.arange(50))).unlike.any()
    one_group = outliers(neighbourhood(crowd(0, 30), np.zeros(30)))
    assert not one_group.unlike.any()


def test_expected_numbers_are_those_of_the_normal_distribution():
    logs = norm.ppf((np.arange(999) + 0.5) / 999)
    far = expected_by_chance(np.exp(logs), "far")
    np.testing.assert_allclose(far, np.arange(998.5, 0, -1), rtol=0.01, atol=0.01)
    np.testing.assert_allclose(expected_by_chance(np.exp(logs), "near"), far[::-1])


def test_unknown_distances_are_no_outliers_and_come_last():
    distances = np.append(np.exp(np.random.default_rng(0).normal(size=50)), np.inf)
    assert expected_by_chance(distances, "far")[-1] == 51
    assert expected_by_chance(distances, "near")[-1] == 51
