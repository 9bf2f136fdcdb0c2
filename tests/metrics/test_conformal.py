"""Prediction sets against MAPIE, a slow loop of the paper, and by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.base import BaseEstimator, ClassifierMixin

from headstart.metrics import conformal


def drawn(random, num_rows, num_classes, sharpness=2.0):
    """Probabilities float32 and classes drawn from others near them."""
    scores = random.normal(size=(num_rows, num_classes)) * sharpness
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > random.random((num_rows, 1))).argmax(axis=1)
    return p.astype(np.float32), y


def own(p, y, method):
    return conformal.nonconformity(p, method)[np.arange(len(y)), y]


class Given(ClassifierMixin, BaseEstimator):
    """Its probabilities are what it is given."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_lac_is_mapies(level):
    from mapie.classification import SplitConformalClassifier

    random = np.random.default_rng(0)
    p, y = drawn(random, 400, 5)
    new = drawn(random, 300, 5)[0]
    prefitted = Given().fit(p, y)
    theirs = SplitConformalClassifier(prefitted, confidence_level=level, conformity_score="lac")
    _, sets = theirs.conformalize(p.astype(float), y).predict_set(new.astype(float))
    limit = conformal.threshold(own(p, y, "lac"), level)
    mine = conformal.nonconformity(new, "lac") <= np.float32(limit)
    assert 1 < mine.sum(axis=1).mean() < 5
    np.testing.assert_array_equal(mine, sets[:, :, 0])


def test_raps_is_mapies_before_it_draws():
    from mapie.conformity_scores import RAPSConformityScore

    p, y = drawn(np.random.default_rng(1), 400, 30)
    sums, rank = RAPSConformityScore.get_true_label_cumsum_proba(y, p, np.arange(30))
    theirs = RAPSConformityScore._regularize_conformity_score(np.array([1]), 0.1, sums, rank)
    np.testing.assert_allclose(own(p, y, "raps"), theirs.ravel(), atol=1e-5)


def test_raps_is_the_papers():
    p, _ = drawn(np.random.default_rng(2), 20, 30)
    found = conformal.nonconformity(p, "raps")
    for row in range(20):
        for label in range(30):
            more_probable = [q for q in p[row] if q > p[row, label]]
            rank = len(more_probable) + 1
            expected = sum(more_probable) + p[row, label] + 0.1 * max(0, rank - 1)
            assert found[row, label] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("method", "num_classes"), [("lac", 6), ("raps", 40)])
def test_sets_hold_the_true_class_as_often_as_they_say(method, num_classes):
    """Over 300 calibrations the share has the mean and deviation of its Beta distribution."""
    random = np.random.default_rng(3)
    p, y = drawn(random, 20_000, num_classes, sharpness=1.5)
    scores = own(p, y, method)
    limits = [conformal.threshold(random.choice(scores, 200), 0.9) for _ in range(300)]
    covered = np.array([(scores <= limit).mean() for limit in limits])
    deviation = conformal.coverage_deviation(200, 0.9)
    assert covered.mean() == pytest.approx(0.9 + 0.1 / 201, abs=4 * deviation / math.sqrt(300))
    assert covered.std() == pytest.approx(deviation, rel=0.2)


def test_the_deviation_is_the_beta_distributions():
    assert conformal.coverage_deviation(100, 0.9) == pytest.approx(beta(91, 10).std())
    published = {50: 4.1, 100: 3.0, 200: 2.1, 500: 1.3, 1000: 0.9}
    for number, points in published.items():
        assert 100 * conformal.coverage_deviation(number, 0.9) == pytest.approx(points, abs=0.1)


def test_the_most_probable_class_is_always_a_member():
    p = np.array([[0.5, 0.3, 0.2], [0.9, 0.06, 0.04]], dtype=np.float32)
    assert conformal.members(p, "lac", 0.2).tolist() == [[True, False, False]] * 2
    assert conformal.members(p, "raps", 0.91).tolist() == [
        [True, True, False],
        [True, False, False],
    ]
    assert conformal.members(p, "lac", math.inf).all()


def test_too_few_pictures_for_a_level():
    scores = np.linspace(0, 1, 9)
    assert conformal.threshold(scores, conformal.highest_level(9)) == 1.0
    assert conformal.threshold(scores, 0.91) == math.inf


def test_many_classes_get_raps():
    assert [conformal.method_for(number) for number in (2, 20, 21)] == ["lac", "lac", "raps"]
