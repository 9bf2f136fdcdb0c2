"""The law: recovered where it is known, and its interval covers what was held back."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from headstart.audit.power_law import Errors, _least_squares, fit

SIZES = np.array([62, 125, 250, 500, 1000])


def law(n, floor=0.03, slope=1.5, exponent=-0.5):
    return floor + slope * n**exponent


def drawn(seed):
    """Errors of 1 000 pictures, five times judged at the smaller sizes."""
    random = np.random.default_rng(seed)
    hardness = random.random(1000)
    limits = np.quantile(0.7 * random.random(100_000) + 0.3 * random.random(100_000), law(SIZES))
    wrong, judged = np.zeros((5, 1000)), np.zeros((5, 1000))
    for place, size in enumerate(SIZES):
        for _ in range(1 if size == 1000 else 5):
            rows = random.choice(1000, size, replace=False)
            # A picture is hard at every size: errors of different sizes are not independent.
            luck = 0.7 * hardness[rows] + 0.3 * random.random(size)
            wrong[place, rows] += luck < limits[place]
            judged[place, rows] += 1
    return Errors(SIZES, wrong, judged)


@pytest.mark.parametrize("exponent", [-0.3, -0.5, -0.9])
def test_recovers_a_known_law_where_errors_are_exact(exponent):
    exact = law(SIZES, exponent=exponent)[None]
    found = _least_squares(SIZES, exact, np.full(5, 1e9), np.array([-0.5]))
    assert found.exponent[0] == pytest.approx(exponent)
    assert found.errors(4000)[0] == pytest.approx(law(4000, exponent=exponent))


def test_is_scipys_fit_where_the_exponent_is_agreed():
    errors = drawn(0)
    found = fit(errors, 0)
    different = (errors.judged > 0).sum(axis=1)
    doubtful = (errors.share * different + 0.5) / (different + 1)
    (floor, slope), _ = curve_fit(
        lambda n, floor, slope: law(n, floor, slope, found.exponent[0]),
        SIZES,
        errors.share,
        sigma=np.sqrt(doubtful * (1 - doubtful) / different),
        p0=(0.01, 1),
        bounds=(0, np.inf),
    )
    assert (found.floor[0], found.slope[0]) == pytest.approx((floor, slope), abs=1e-3, rel=1e-3)


def test_interval_covers_the_truth_within_and_beyond():
    inside = {1000: 0, 4000: 0}
    for seed in range(8):
        found = fit(drawn(seed), seed)
        for size in inside:
            low, high = np.quantile(found.errors(size)[1:], [0.025, 0.975])
            inside[size] += low <= law(size) <= high
    assert min(inside.values()) >= 7


def test_no_error_is_no_promise():
    none = Errors(SIZES, np.zeros((5, 1000)), drawn(0).judged)
    found = fit(none, 0)
    assert found.errors(4000)[0] == 0
    assert 1e-4 < np.quantile(found.errors(4000), 0.975) < 5e-3


def test_more_pictures_never_harm():
    found = fit(drawn(1), 1)
    assert (found.errors(4000) <= found.errors(1000)).all()


def test_same_seed_same_draws():
    assert (fit(drawn(0), 5).floor == fit(drawn(0), 5).floor).all()
