"""A rung is trained, and whoever wants to know is told."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.backbones.catalog import DEFAULT
from headstart.finetuning.epoch_metrics import EpochMetrics
from headstart.finetuning.recipe import Tuning
from headstart.workflows import trial as trial_module
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial import Trial


def test_every_epoch_is_told_said_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    record = {"epoch": 1, "epochs": 2, "step": 3, "train_loss": 0.5, "train_accuracy": 0.75,
              "learning_rate": 1e-3, "seconds": 4.0, "seconds_left": 4.0,
              "validation_loss": 0.4, "validation_accuracy": 0.8}  # fmt: skip

    def tune(*_: Any, on_epoch: Any, **__: Any) -> Any:
        on_epoch(record)
        return SimpleNamespace(history=(record, record | {"epoch": 2}), kept=True, spent=1000.0)

    monkeypatch.setattr(trial_module, "tune", tune)
    monkeypatch.setattr(Trial, "_mirroring", lambda _: None)
    y = np.repeat(np.arange(2), 10)
    prepared = SimpleNamespace(
        manifest=SimpleNamespace(
            class_indices=y, class_names=("a", "b"), labels=y.tolist(), paths=()
        ),
        groups=np.arange(len(y)),
        network=SimpleNamespace(name=DEFAULT, fingerprint="f"),
        features=SimpleNamespace(facts=SimpleNamespace(digests=[bytes([n]) for n in y])),
    )
    division = SimpleNamespace(train=np.arange(len(y)), folds=np.arange(len(y)) % 2)
    said: list[str] = []
    told: list[EpochMetrics] = []
    trial = Trial(
        cast(Any, prepared),
        cast(Any, division),
        cast(Any, None),
        Recipe(cache=tmp_path),
        cast(Any, SimpleNamespace(say=said.append)),
        told.append,
    )
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
