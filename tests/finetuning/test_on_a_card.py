"""Learning on a graphics card, as far as it can be shown where there is none.

torch's fake tensors stand on a card that is not there: they have no values, but an operation that
is given tensors of two places fails as it would on a real one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from headstart.backbones import from_timm
from headstart.errors import SettingError
from headstart.finetuning import checkpoints
from headstart.finetuning.job import tune
from headstart.finetuning.learner import learner_of
from headstart.finetuning.loop import Training
from headstart.finetuning.plan import Plan
from headstart.finetuning.recipe import Tuning
from headstart.progress import Silent

SIDE, CARD = 48, "cuda:0"
y = np.arange(12) % 2


def blank(number: int) -> torch.Tensor:
    return torch.zeros(number, 3, SIDE, SIDE, device=CARD)


class Blank:
    def batches(self, batches):
        return (blank(len(batch)) for batch in batches)

    def blank(self, number: int) -> torch.Tensor:
        return blank(number)


@pytest.mark.long
def test_every_step_finds_its_tensors_on_the_card(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = []

    def save(state, folder):
        parts = (state.weights, state.average, state.best)
        saved.append({tensor.device.type for part in parts for tensor in part.values()})

    def backward(loss) -> None:
        """torch's own asks for a driver."""
        assert loss.device == torch.device(CARD)
        for parameter in learner.parameters().values():
            parameter.grad = torch.zeros_like(parameter)

    monkeypatch.setattr(checkpoints, "save", save)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: 1.0)
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_, **__: module)
    settings = {"mixup": 0.2, "cutmix": 0.2, "average": "ema", "class_weights": "balanced"}
    tuning = Tuning("all", epochs=2, batch_size=4, autocast="f32", **settings)
    epochs: list[Any] = []
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device(CARD):
            network = from_timm.create("test_efficientnet", None, 0)
            dims = (network.num_features, 2)
            learner = learner_of(
                network,
                network,
                Blank(),
                "all",
                dims,
                dropout=0.2,
                autocast="f32",
                device=CARD,
                rooted=True,
            )
        trained = Training(
            learner=learner,
            tuning=tuning,
            plan=Plan(np.arange(12), 4, None, 0, None),
            y=y,
            validation=np.arange(0),
            seed=0,
            folder=tmp_path,
            must_stop=lambda: None,
            began=0.0,
            time_limit=math.inf,
            progress=Silent(),
            on_epoch=epochs.append,
        ).run()
    assert [record["step"] for record in epochs] == [3, 6]
    assert saved == [{"cuda"}, {"cuda"}]
    assert {tensor.device.type for tensor in trained.weights.values()} == {"cuda"}


@pytest.mark.long
def test_float16_learns_with_scaled_losses_and_goes_on_with_the_same_bits(
    tuned: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"autocast": "f16", "alpha": 1.0, "epochs": 2}
    exact, _ = tuned("exact", tuning=settings | {"autocast": "f32"})
    whole, _ = tuned("whole", tuning=settings)
    tuned("parts", steps=2, tuning=settings)
    state = checkpoints.load(tmp_path / "parts")
    assert state is not None
    assert state.scale["scale"] == 1024  # no step was lost
    parts, _ = tuned("parts", tuning=settings)
    np.testing.assert_array_equal(parts.scores, whole.scores)
    assert np.abs(whole.scores - exact.scores).max() > 0
    np.testing.assert_allclose(whole.scores, exact.scores, atol=0.05)


def test_several_processes_learn_on_processors(small: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="2 processes that learn together"):
        tune(
            *(small.backbone, small.request, small.paths, small.digests, small.y, 2),
            train=small.train,
            validation=small.validation,
            judged=small.judged,
            tuning=Tuning("top1"),
            cache=small.cache,
            folder=tmp_path,
            workers=2,
            device="cuda",
        )
