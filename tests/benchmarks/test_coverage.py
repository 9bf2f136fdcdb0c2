from __future__ import annotations

import numpy as np
import pytest
from panels.coverage import Stated, agrees, contains, difference

from headstart.metrics.intervals import wilson


def stated(successes: int, n: int) -> Stated:
    return Stated.of(successes / n, wilson(successes, n))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_difference_as_published(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    assert difference(stated(*first), stated(*second)) == pytest.approx((low, high), abs=6e-5)


def test_a_perfect_interval_agrees_in_19_of_20_cases_and_contains_the_measured_less_often() -> None:
    random = np.random.default_rng(0)
    pairs = [
        (stated(random.binomial(200, 0.85), 200), stated(random.binomial(400, 0.85), 400))
        for _ in range(2000)
    ]
    agreeing = np.mean([agrees(*pair) for pair in pairs])
    containing = np.mean([contains(*pair) for pair in pairs])
    assert 0.93 < agreeing < 0.97
    assert containing < 0.92
