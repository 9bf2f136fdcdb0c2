"""What cross-validation says of fits on some pictures, said of a fit on all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.metrics.intervals import Interval
from headstart.workflows.comparing import with_all_rows

FOLDS = np.arange(100) % 5
INTERVAL = Interval(0.7, 0.9, 0.95, "BBC-CV")


def curve(exponent: float) -> Any:
    """A law whose error at n pictures is n to the power of the exponent."""
    errors = lambda size: np.array([float(size) ** exponent])  # noqa: E731
    return cast(Any, SimpleNamespace(law=SimpleNamespace(errors=errors)))


def test_the_error_falls_as_the_curve_from_four_fifths_to_all() -> None:
    estimate, interval = with_all_rows(0.8, INTERVAL, curve(-0.5), FOLDS)
    assert 1 - estimate == pytest.approx(0.2 * np.sqrt(0.8))
    assert interval.low - 0.7 == pytest.approx(estimate - 0.8)
    assert interval.high - 0.9 == pytest.approx(estimate - 0.8)


def test_without_a_curve_nothing_changes() -> None:
    assert with_all_rows(0.8, INTERVAL, None, FOLDS) == (0.8, INTERVAL)


def test_no_interval_leaves_what_is_possible() -> None:
    high = with_all_rows(0.98, Interval(0.9, 1.0, 0.95, "BBC-CV"), curve(-1.0), FOLDS)[1].high
    assert high == 1.0


def test_a_curve_that_rises_takes_nothing_away() -> None:
    assert with_all_rows(0.8, INTERVAL, curve(0.3), FOLDS)[0] == 0.8
