"""A rung is trained, and whoever wants to know is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.backbones.catalog import DEFAULT
from headstart.finetuning.epoch_metrics import EpochMetrics
from headstart.finetuning.recipe import Tuning
from headstart.strategy.budget import Budget
from headstart.strategy.ladder import OutOfTime
from headstart.workflows import trial as trial_module
from headstart.workflows import trial_time
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial import Trial


@pytest.fixture
def trial_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., Trial]:
    """Twenty pictures of two classes in two folds, and a stand-in for `job.tune`."""

    def make(tune: Any, said: list[str], *others: Any) -> Trial:
        monkeypatch.setattr(trial_module, "tune", tune)
        monkeypatch.setattr(Trial, "_mirroring", lambda _: None)
        y = np.repeat(np.arange(2), 10)
        prepared = SimpleNamespace(
            manifest=Pictures(y),
            groups=np.arange(len(y)),
            network=SimpleNamespace(name=DEFAULT, fingerprint="f"),
            features=SimpleNamespace(facts=SimpleNamespace(digests=[bytes([n]) for n in y])),
        )
        division = SimpleNamespace(train=np.arange(len(y)), folds=np.arange(len(y)) % 2)
        return Trial(
            cast(Any, prepared),
            cast(Any, division),
            cast(Any, None),
            Recipe(cache=tmp_path, threads=1, device="cpu"),
            cast(Any, SimpleNamespace(say=said.append)),
            *others,
        )

    return make


class Pictures:
    """A manifest, as far as a trial asks."""

    def __init__(self, y: Any) -> None:
        self.class_indices, self.class_names, self.paths = y, ("a", "b"), ()

    def __len__(self) -> int:
        return len(self.class_indices)


def test_every_epoch_is_told_said_and_kept(trial_of: Callable[..., Trial]) -> None:
    record = {"epoch": 1, "epochs": 2, "step": 3, "train_loss": 0.5, "train_accuracy": 0.75,
              "learning_rate": 1e-3, "seconds": 4.0, "seconds_left": 4.0,
              "validation_loss": 0.4, "validation_accuracy": 0.8}  # fmt: skip

    def tune(*_: Any, on_epoch: Any, **__: Any) -> Any:
        on_epoch(record)
        return SimpleNamespace(
            history=(record, record | {"epoch": 2}), kept=True, spent_before=1000.0
        )

    said: list[str] = []
    told: list[EpochMetrics] = []
    trial = trial_of(tune, said, told.append)
    before = trial.budget.spent
    trial.train(Tuning("top1"), np.arange(14), np.arange(14, 20), fold=3)
    # What an earlier run has done takes as long as it took then.
    assert 1000 <= trial.budget.spent - before < 1100
    assert told == [EpochMetrics("top1", 3, **record)]
    assert trial.metrics == [*told, EpochMetrics("top1", 3, **(record | {"epoch": 2}))]
    assert said == [
        "  epoch 1/2: training loss 0.500, validation loss 0.400, accuracy 80.0 %, 4 s left",
        "  kept from an earlier run",
    ]


def test_in_python_too_an_interrupted_fit_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import headstart.workflows.fit  # noqa: F401

    fit = sys.modules["headstart.workflows.fit"]

    monkeypatch.setattr(fit, "run_fit", lambda *_: SimpleNamespace(is_interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        fit.fit("pets")


def test_a_training_gets_the_time_that_is_not_reserved(trial_of: Callable[..., Trial]) -> None:
    limits: list[Any] = []

    def tune(*_: Any, time_limit: float | None, **__: Any) -> Any:
        limits.append(time_limit)
        return SimpleNamespace(history=(), kept=False, spent_before=0.0, stopped="time",
                               was_interrupted=False)  # fmt: skip

    said: list[str] = []
    trial = trial_of(tune, said, None, Budget(100.0, lambda: 0.0))
    trial.budget.reserved = 30.0
    with pytest.raises(OutOfTime):
        trial.rung("top1").judge(0)
    assert said[-1] == "  ended early: no time is left (--time-limit)"
    rows = np.arange(14), np.arange(14, 20)
    trial.train(Tuning("top1"), *rows, reserve=40.0)
    trial.train(Tuning("top1"), *rows, reserve=400.0)
    trial_of(tune, said).train(Tuning("top1"), *rows)
    assert limits == [70.0, 60.0, 1.0, None]


def test_the_last_training_is_reckoned_with_the_reading_behind_it(
    trial_of: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_time, "_core_speed", lambda: 0.001)
    rung = trial_of(None, []).rung("all")
    # All rows instead of half of them, and reading twenty pictures besides.
    assert rung.last == pytest.approx(2 * rung.seconds + 20 / 200 / 0.001 * 2, rel=0.01)
