"""What cross-validation says of fits on some pictures, said of a fit on all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.heads.selection import Candidate
from headstart.metrics.intervals import Interval
from headstart.workflows.comparing import candidates_of, with_all_rows

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


def test_a_pooling_gives_each_head_one_vector_and_no_other() -> None:
    taps = ("stage5", "head")
    assert candidates_of(taps, ("ridge", "logistic"), "flatten") == (
        Candidate("ridge", ("flat",), True),
        Candidate("logistic", ("flat",), True),
    )


def test_a_head_may_name_its_own_pooling() -> None:
    found = candidates_of(("stage5", "head"), ("logistic:average", "linear-svc:max", "neighbors"))
    assert found == (
        Candidate("neighbors", ("head",)),
        Candidate("logistic", ("head",)),
        Candidate("linear-svc", ("max",), True),
    )
    assert [candidate.name for candidate in found] == ["neighbors", "logistic", "linear-svc · max"]


def test_heads_of_tutorials_are_compared_only_when_named_and_see_features_as_they_are() -> None:
    heads = {candidate.head for candidate in candidates_of(("head",), ())}
    assert not heads & {"logistic", "linear-svc", "dense-dropout", "dense-softmax"}
    assert Candidate("ridge", ("head",)).is_rooted
    assert not Candidate("logistic", ("head",)).is_rooted
