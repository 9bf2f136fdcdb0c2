"""The choice of a penalty, against solving every one of them from scratch."""

import numpy as np
import pytest

from headstart.heads import penalised
from headstart.heads.hold_out import hold_outs
from headstart.heads.penalised import Rule, minimise
from headstart.heads.softmax import _PROBLEM as SOFTMAX
from headstart.heads.spectrum import decompose
from headstart.heads.svm import _PROBLEM as SVM


@pytest.mark.parametrize("problem", [SOFTMAX, SVM])
def test_the_choice_is_that_of_separate_solutions(problem):
    random = np.random.default_rng(0)
    y = np.arange(120) % 3
    X = random.normal(size=(120, 40)) + 1.2 * np.eye(40)[y]
    spectrum = decompose(X)
    zero = Rule(np.zeros((40, 3)), np.zeros(3))
    values = []
    for penalty in spectrum.mean_eigenvalue * problem.penalties:
        scores = np.empty((120, 3))
        for held in hold_outs(y, None, 0):
            kept = spectrum.rotated[~held]
            rule = minimise(problem, kept, y[~held], spectrum.eigenvalues, penalty, zero)
            scores[held] = rule.scores(spectrum.rotated[held])
        values.append(problem.criterion(scores, y))
    best = values.index(min(values))
    assert 0 < best < len(values) - 1
    fitted = penalised.fit(problem, spectrum, y, None, None, seed=0)
    assert fitted.penalty == pytest.approx(spectrum.mean_eigenvalue * problem.penalties[best])


def test_a_good_start_leads_to_the_same_rule():
    random = np.random.default_rng(0)
    y = np.arange(60) % 3
    spectrum = decompose(random.normal(size=(60, 8)))
    zero = Rule(np.zeros((8, 3)), np.zeros(3))
    arguments = (SOFTMAX, spectrum.rotated, y, spectrum.eigenvalues)
    near = minimise(*arguments, 8.0, zero)
    cold, warm = minimise(*arguments, 5.0, zero), minimise(*arguments, 5.0, near)
    np.testing.assert_allclose(warm.coefficients, cold.coefficients, atol=1e-5)


def test_the_least_data_still_gives_a_penalty():
    spectrum = decompose(np.eye(3))
    fitted = penalised.fit(SOFTMAX, spectrum, np.arange(3), None, None, seed=0)
    assert fitted.penalty > 0
    assert fitted.temperature is None


@pytest.mark.parametrize("problem", [SOFTMAX, SVM])
def test_float32_gives_the_scores_of_float64(problem):
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = random.normal(size=(300, 50)) * np.logspace(0, -2, 50) + 0.5 * np.eye(50)[y]
    spectrum = decompose(X)
    zero = Rule(np.zeros((50, 3)), np.zeros(3))
    penalty = 0.1 * spectrum.mean_eigenvalue
    exact, quick = (
        minimise(problem, rows, y, spectrum.eigenvalues, penalty, zero, tolerance)
        for rows, tolerance in (
            (spectrum.rotated, 1e-8),
            (spectrum.rotated.astype(np.float32), 1e-6),
        )
    )
    expected = exact.scores(spectrum.rotated)
    np.testing.assert_allclose(quick.scores(spectrum.rotated), expected, atol=0.01)
