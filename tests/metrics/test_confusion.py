import numpy as np
from sklearn import metrics

from headstart.metrics.confusion import Confusion, confusion_matrix, largest_confusions


def test_the_matrix_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    y, predicted = random.integers(5, size=(2, 200))
    matrix = confusion_matrix(y, predicted, 6)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(y, predicted, labels=range(6)))
    assert matrix.dtype == np.int64


def test_largest_confusions_by_count_then_by_share():
    matrix = np.array([[90, 5, 5], [5, 5, 0], [0, 1, 0]])
    assert largest_confusions(matrix, ["a", "b", "c"], most=3) == (
        Confusion("b", "a", 5, 0.5),
        Confusion("a", "b", 5, 0.05),
        Confusion("a", "c", 5, 0.05),
    )


def test_without_mistakes_there_are_no_confusions():
    assert largest_confusions(np.diag([3, 4, 0]), ["a", "b", "c"]) == ()
