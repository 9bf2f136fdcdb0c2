"""scikit-learn's classifiers as heads: the same answers to the last digit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from headstart.heads.candidates import Candidate
from headstart.heads.fitting import fit_chosen
from headstart.heads.scikit import LinearSVCHead, LogisticHead
from headstart.layers import run

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=[2, 4])
def problem(request):
    random = np.random.default_rng(0)
    y = np.arange(240) % request.param
    X = random.normal(size=(240, 40)).astype(np.float32) ** 2
    X[:, : request.param] += 2 * np.eye(request.param, dtype=np.float32)[y]
    return X[:160], y[:160], X[160:], y[160:]


def test_logistic_is_scikit_learns(problem):
    X, y, fresh, _ = problem
    head = fit_chosen(Candidate("logistic", ("head",)), {"head": X}, y, y * 0, 1.0, seed=0)
    with threadpool_limits(1):
        theirs = LogisticRegression().fit(X, y)
    found = head.predict_proba(fresh)
    np.testing.assert_array_equal(found.argmax(axis=1), theirs.predict(fresh))
    np.testing.assert_allclose(found, theirs.predict_proba(fresh), atol=1e-6)


def test_linear_svc_is_scikit_learns(problem):
    X, y, fresh, _ = problem
    head = LinearSVCHead()
    head.fit_rows(type("Rows", (), {"X": X}), y, None)
    search = GridSearchCV(LinearSVC(random_state=0), {"C": [0.01, 0.1, 1, 10, 100]}, cv=10)
    theirs = search.fit(X, y)
    assert theirs.best_params_["C"] == head.C_
    np.testing.assert_array_equal(run(head.layers_, fresh).argmax(axis=1), theirs.predict(fresh))


def test_a_class_of_one_row_leaves_nothing_to_search_by():
    X = np.eye(5, 3, dtype=np.float32)
    head = LinearSVCHead()
    head.fit_rows(type("Rows", (), {"X": X}), np.array([0, 0, 0, 0, 1]), None)
    assert head.C_ == 1


def test_the_contract():
    X = np.random.default_rng(0).normal(size=(90, 5)) + 3 * np.eye(5)[np.arange(90) % 3]
    words = np.array(["ant", "bee", "wasp"])[np.arange(90) % 3]
    for head in (LogisticHead(), LinearSVCHead(choices=(1.0,))):
        head.fit(X, words)
        assert head.score(X, words) > 0.9
        np.testing.assert_allclose(head.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
