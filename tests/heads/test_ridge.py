"""Ridge against refits without the row or the group, and against scikit-learn.

The refits standardise with the columns' scale over all rows (as documented) and find their own
mean and intercept from the rows they keep.
"""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from headstart.heads import ridge, spectrum
from headstart.heads.calibration import fit_temperature, log_loss
from headstart.heads.ridge import RidgeHead, RidgePath
from headstart.heads.spectrum import decompose

SHAPES = [(40, 9), (30, 70)]
PENALTIES = [0.5, 20.0]


def problem(num_rows, dim, num_classes=3, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(num_rows) % num_classes
    X = random.normal(size=(num_rows, dim)) * random.uniform(0.5, 3, dim) + 5
    X[:, :num_classes] += np.eye(num_classes)[y] * 2
    return X, y


def refit_without(X, y, members, penalty, weights=None):
    Z, targets = StandardScaler().fit_transform(X), np.eye(y.max() + 1)[y]
    left_out = np.empty_like(targets)
    for member in np.unique(members):
        out = members == member
        own = None if weights is None else weights[~out]
        model = Ridge(alpha=penalty, solver="cholesky").fit(Z[~out], targets[~out], own)
        left_out[out] = model.predict(Z[out])
    return left_out


@pytest.mark.parametrize(("num_rows", "dim"), SHAPES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_coefficients_are_scikit_learns(num_rows, dim, penalty):
    X, y = problem(num_rows, dim)
    head = RidgeHead([penalty]).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    model = Ridge(alpha=penalty, solver="cholesky").fit(Z, np.eye(3)[y])
    path = RidgePath(decompose(X), y, 3)
    np.testing.assert_allclose(
        np.linalg.multi_dot([*path.spectrum.factors, path.coefficients(penalty)]),
        model.coef_.T,
        atol=1e-9,
    )
    np.testing.assert_allclose(path.intercept, model.intercept_, atol=1e-9)
    np.testing.assert_allclose(head.scores(X), model.predict(Z), atol=1e-4)


@pytest.mark.parametrize(("num_rows", "dim"), SHAPES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_leave_one_out_equals_refits(num_rows, dim, penalty):
    X, y = problem(num_rows, dim)
    found = RidgeHead([penalty]).fit(X, y).loo_scores_
    expected = refit_without(X, y, np.arange(num_rows), penalty)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("num_rows", "dim"), SHAPES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_leave_group_out_equals_refits(num_rows, dim, penalty):
    X, y = problem(num_rows, dim)
    groups = np.random.default_rng(3).integers(num_rows // 2, size=num_rows) * 7
    assert {1, 2, 3} <= set(np.unique(groups, return_counts=True)[1])
    found = RidgeHead([penalty]).fit(X, y, groups=groups).loo_scores_
    np.testing.assert_allclose(found, refit_without(X, y, groups, penalty), atol=1e-6)


@pytest.mark.parametrize(("num_rows", "dim"), SHAPES)
def test_balanced_classes_equal_weighted_refits(num_rows, dim):
    X, _ = problem(num_rows, dim)
    y = np.minimum(np.arange(num_rows) // 5, 2)
    weights = num_rows / (3 * np.bincount(y)[y])
    groups = np.arange(num_rows) // 2
    head = RidgeHead([3.0], balanced=True).fit(X, y, groups=groups)
    expected = refit_without(X, y, groups, 3.0, weights)
    np.testing.assert_allclose(head.loo_scores_, expected, atol=1e-6)
    model = Ridge(alpha=3.0).fit(StandardScaler().fit_transform(X), np.eye(3)[y], weights)
    expected = model.predict(StandardScaler().fit_transform(X))
    np.testing.assert_allclose(head.scores(X), expected, atol=1e-4)


@pytest.mark.parametrize("balanced", [False, True])
def test_large_groups_equal_refits_and_cost_no_system_of_their_size(balanced, monkeypatch):
    monkeypatch.setattr(ridge, "_SMALL_GROUP", 0)
    solved = np.linalg.solve
    sizes = []

    def solve(matrix, right):
        sizes.append(matrix.shape[-1])
        return solved(matrix, right)

    monkeypatch.setattr(np.linalg, "solve", solve)
    X, y = problem(60, 9)
    y[:20] = np.maximum(y[:20], 1)
    groups = np.concatenate([np.zeros(20), np.repeat([1, 2], 14), np.arange(12) // 3 + 3])
    weights = 60 / (3 * np.bincount(y)[y]) if balanced else None
    for penalty in PENALTIES:
        found = RidgeHead([penalty], balanced=balanced).fit(X, y, groups=groups).loo_scores_
        expected = refit_without(X, y, groups, penalty, weights)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert set(sizes) == {3}


def test_large_groups_are_left_out_under_every_penalty_and_of_some_rows(monkeypatch):
    X, y = problem(60, 9)
    groups = np.repeat(np.arange(6), [15, 15, 15, 5, 5, 5])
    rows, penalties = np.flatnonzero(groups > 0), np.logspace(-2, 3, 120)
    path = RidgePath(decompose(X), y, 3, groups)
    slow = list(path.left_out(penalties, rows))
    monkeypatch.setattr(ridge, "_SMALL_GROUP", 0)
    np.testing.assert_allclose(list(path.left_out(penalties, rows)), slow, atol=1e-6)


def test_a_copy_of_a_row_helps_leave_one_out_but_not_leave_group_out():
    random = np.random.default_rng(0)
    X, y = (
        np.repeat(random.normal(size=(40, 60)), 2, axis=0),
        np.repeat(random.permutation(40) % 2, 2),
    )
    alone = RidgeHead([1.0]).fit(X, y)
    grouped = RidgeHead([1.0]).fit(X, y, groups=np.arange(80) // 2)
    assert alone.loo_accuracies_[0] == 1
    assert grouped.loo_accuracies_[0] < 0.75


def test_the_penalty_has_the_lowest_calibrated_log_loss():
    X, y = problem(60, 30)
    head = RidgeHead().fit(X, y)
    path = RidgePath(decompose(X), y, 3)
    losses = []
    for scores in path.left_out(head.penalties_):
        losses.append(log_loss(scores, y, fit_temperature(scores, y)))
    assert 0 < np.argmin(losses) < 19
    assert head.penalty_ == head.penalties_[np.argmin(losses)]
    assert head.loo_accuracies_[np.argmin(losses)] == (head.loo_scores_.argmax(1) == y).mean()
    assert head.temperature_ == fit_temperature(head.loo_scores_, y)


def test_one_group_is_left_out_row_by_row():
    X, y = problem(20, 4)
    grouped, alone = RidgeHead().fit(X, y, groups=np.zeros(20)), RidgeHead().fit(X, y)
    assert (grouped.penalty_, grouped.temperature_) == (alone.penalty_, alone.temperature_)


@pytest.mark.parametrize("grouped", [False, True])
def test_of_many_rows_some_whole_groups_choose_the_penalty(grouped, monkeypatch):
    X, y = problem(60, 20)
    groups = np.arange(60) // 3 if grouped else None
    full = RidgeHead().fit(X, y, groups=groups)
    monkeypatch.setattr(ridge, "_MOST_JUDGED_ROWS", 30)
    rows = ridge._judged_rows(y, groups, 60)
    assert 25 <= len(rows) <= 33
    if grouped:
        assert set(np.bincount(groups[rows])) <= {0, 3}
    some = RidgeHead().fit(X, y, groups=groups)
    (expected,) = RidgePath(decompose(X), y, 3, groups).left_out(np.array([some.penalty_]))
    np.testing.assert_array_equal(some.loo_scores_, expected)
    scores = list(RidgePath(decompose(X), y, 3, groups).left_out(full.penalties_, rows))
    losses = [log_loss(one, y[rows], fit_temperature(one, y[rows])) for one in scores]
    assert some.penalty_ == full.penalties_[np.argmin(losses)]


def test_float32_leave_one_out_is_near(monkeypatch):
    monkeypatch.setattr(spectrum, "_EXACT", 0)
    X, y = problem(400, 30)
    found = RidgeHead([20.0]).fit(X, y).loo_scores_
    expected = refit_without(X, y, np.arange(400), 20.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
