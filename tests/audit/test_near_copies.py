"""Near copies: planted pairs are found, within and across classes, and only those."""

import numpy as np
import pytest

from headstart.audit.near_copies import near_copies


def pictures(seed, number=240):
    random = np.random.default_rng(seed)
    y = np.arange(number) % 3
    centres = np.abs(random.normal(size=(3, 40)))
    return (centres[y] + np.abs(random.normal(size=(number, 40)))).astype(np.float32), y, random


def plant(X, random, first, second):
    X[second] = X[first] + 0.05 * random.normal(size=X.shape[1])


@pytest.mark.parametrize("seed", range(5))
def test_planted_pairs_are_found_those_across_classes_first(seed):
    X, y, random = pictures(seed)
    plant(X, random, 0, 3)  # one class
    plant(X, random, 10, 20)  # two classes
    found = near_copies(X, y, np.arange(len(y)))
    assert found.pairs.tolist()[:2] == [[10, 20], [0, 3]]
    assert found.across.tolist()[:2] == [True, False]
    assert len(found.pairs) <= 3
    cosine = X[10] @ X[20] / np.linalg.norm(X[10]) / np.linalg.norm(X[20])
    assert found.similarity[0] == pytest.approx(cosine, abs=1e-6)


def test_little_is_found_where_nothing_is():
    found = 0
    for seed in range(10):
        X, y, _ = pictures(seed)
        found += len(near_copies(X, y, np.arange(len(y))).pairs)
    assert found <= 5


def test_known_copies_are_not_listed_again():
    X, y, random = pictures(0)
    plant(X, random, 0, 3)
    groups = np.arange(len(y))
    assert [0, 3] in near_copies(X, y, groups).pairs.tolist()
    groups[3] = 0
    assert [0, 3] not in near_copies(X, y, groups).pairs.tolist()


def test_a_handful_of_pictures_or_one_class_shows_nothing_across():
    X, y, _ = pictures(0)
    assert len(near_copies(X[:9], y[:9], np.arange(9)).pairs) == 0
    assert not near_copies(X, np.zeros_like(y), np.arange(len(y))).across.any()
