import numpy as np
import pytest
from sklearn import metrics

from headstart.metrics.accuracy import accuracy, balanced_accuracy, majority_baseline, per_class


@pytest.fixture
def answers():
    random = np.random.default_rng(0)
    y = random.choice(4, size=300, p=[0.6, 0.2, 0.15, 0.05])
    return y, np.where(random.random(300) < 0.7, y, random.integers(4, size=300))


def test_accuracies_are_those_of_scikit_learn(answers):
    y, predicted = answers
    assert accuracy(y, predicted) == pytest.approx(metrics.accuracy_score(y, predicted))
    assert balanced_accuracy(y, predicted, 4) == pytest.approx(
        metrics.balanced_accuracy_score(y, predicted)
    )


def test_a_class_without_pictures_does_not_count_in_the_balanced_accuracy():
    y, predicted = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert balanced_accuracy(y, predicted, 3) == pytest.approx((0.5 + 1) / 2)


def test_per_class_is_that_of_scikit_learn_with_zero_where_undefined(answers):
    y, predicted = answers
    # Class 4 is neither true nor predicted, class 5 only predicted.
    predicted = np.append(predicted, 5)
    y = np.append(y, 0)
    scores = per_class(y, predicted, 6)
    expected = metrics.precision_recall_fscore_support(
        y, predicted, labels=range(6), zero_division=0
    )
    ours = (scores.precision, scores.recall, scores.f1, scores.support)
    for mine, theirs in zip(ours, expected, strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_the_majority_baseline_answers_with_the_most_frequent_training_class():
    train_y, y = np.array([1, 1, 0]), np.array([0, 0, 0, 1])
    assert majority_baseline(train_y, y) == 0.25
    assert majority_baseline(y, y) == 0.75
