"""The support vector machine against scikit-learn's."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from headstart.heads.svm import LinearSVMHead, squared_hinge_loss


@pytest.mark.parametrize(("num_rows", "dim"), [(150, 12), (40, 60)])
@pytest.mark.parametrize("C", [0.01, 1.0])
def test_is_scikit_learns(num_rows, dim, C):
    random = np.random.default_rng(0)
    y = random.integers(3, size=num_rows)
    X = random.normal(size=(num_rows, dim)) * np.logspace(-1, 1, dim) + 3
    X[:, :3] += np.eye(3)[y] * X[:, :3].std(axis=0)
    Z = StandardScaler().fit_transform(X)
    # A large scale makes their penalty on the intercept vanish: here it is free.
    model = LinearSVC(C=C, dual=False, intercept_scaling=1e3, tol=1e-9, max_iter=10_000).fit(Z, y)
    scores = LinearSVMHead(C).fit(X, y).scores(X)
    np.testing.assert_allclose(scores, model.decision_function(Z), atol=1e-3)


def test_the_gradient_is_that_of_the_loss():
    random = np.random.default_rng(0)
    y = random.integers(3, size=5)
    found = check_grad(
        lambda flat: squared_hinge_loss(flat.reshape(5, 3).copy(), y)[0],
        lambda flat: squared_hinge_loss(flat.reshape(5, 3).copy(), y)[1].ravel(),
        random.normal(size=15),
    )
    assert found < 1e-6


def test_of_many_classes_the_search_does_not_stop_where_it_begins():
    # At score 0 the intercept of one class against all others is far steeper than any feature.
    random = np.random.default_rng(0)
    y = random.integers(300, size=4000)
    means = random.normal(size=(300, 16)) * 0.7
    X = means[y] + random.normal(size=(4000, 16))
    head = LinearSVMHead().fit(X[:3000], y[:3000])
    best = ((X[3000:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert head.score(X[3000:], y[3000:]) > 0.4 * (best == y[3000:]).mean()
