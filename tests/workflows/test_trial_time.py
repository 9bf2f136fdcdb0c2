"""What a trial takes: a rough number that grows with the work and shrinks with the threads."""

from __future__ import annotations

import pytest

from headstart.finetuning.recipe import Tuning
from headstart.strategy.ladder import folds_to_judge
from headstart.workflows import trial_time
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial_time import _core_speed as core_speed
from headstart.workflows.trial_time import fold_seconds

TOP1, TOP2 = (Tuning.of(name, 1000, epochs=8) for name in ("top1", "top2"))


@pytest.fixture(autouse=True)
def speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_time, "_core_speed", lambda: 1.0)


def test_it_grows_with_pictures_and_depth_and_shrinks_with_threads() -> None:
    two = Recipe(threads=2, device="cpu")
    assert fold_seconds(TOP2, 1000, two) == 1000 * 8 / 200 + 1000 * 8 / 100
    assert fold_seconds(TOP1, 1000, two) < fold_seconds(TOP2, 1000, two)
    assert fold_seconds(TOP2, 2000, two) == 2 * fold_seconds(TOP2, 1000, two)
    four = Recipe(threads=4, device="cpu")
    assert fold_seconds(TOP2, 1000, four) == fold_seconds(TOP2, 1000, two) / 2


def test_the_speed_of_a_core_is_measured() -> None:
    assert 0.01 < core_speed() < 1000


@pytest.mark.parametrize(("num_rows", "folds"), [(100, 5), (1000, 5), (2500, 2), (50_000, 1)])
def test_folds_are_judged_until_a_thousand_rows_are(num_rows: int, folds: int) -> None:
    assert folds_to_judge(num_rows, 5) == folds
