"""The learning-rate range test: a rising rate, and the loss at each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from headstart.errors import SettingError
from headstart.finetuning.inputs import Items
from headstart.finetuning.learner import Learner
from headstart.finetuning.optimization import optimizer_of, set_rates
from headstart.finetuning.plan import Plan
from headstart.finetuning.recipe import Tuning
from headstart.progress import Progress
from headstart.randomness import integer

Floats = npt.NDArray[np.float32]

STEPS = 100
_LOWEST, _HIGHEST = 1e-6, 1.0
_MEMORY = 0.9
# In the first steps nothing moves, and what the loss remembers are still single batches.
_SETTLED = 10
_GIVEN_UP = 4.0


def test(
    learner: Learner,
    tuning: Tuning,
    plan: Plan,
    y: npt.NDArray[np.int64],
    seed: int,
    progress: Progress,
) -> tuple[Floats, Floats, float]:
    """Train while the rate rises from 1e-6 to 1, until the loss is four times the first.

    Args:
        learner: Is left with spoilt weights.
        tuning: The recipe; the head's rate rises along.
        plan: Which pictures.
        y: int [N], class indices.
        seed: For what a step draws.
        progress: Told step by step.

    Returns:
        Rates, smoothed losses, and a tenth of the rate with the lowest loss after ten steps.

    Raises:
        SettingError: Already the first loss is not finite.
    """
    optimizer, scaler = optimizer_of(learner, tuning), learner.scaler()
    rates = np.geomspace(_LOWEST, _HIGHEST, STEPS)
    losses: list[float] = []
    running = 0.0
    batches = list(itertools.islice(_endless(plan), STEPS))
    progress.start("learning rates", STEPS)
    for step, (x, items) in enumerate(zip(learner.inputs.batches(batches), batches, strict=True)):
        torch.manual_seed(integer(seed, f"step {step}"))
        set_rates(optimizer, rates[step] / tuning.learning_rate)
        labels = torch.from_numpy(y[[row for row, _ in items]]).to(x.device)
        loss = nn.functional.cross_entropy(learner.forward(x, learner.kept(len(x))), labels)
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
        running = _MEMORY * running + (1 - _MEMORY) * float(loss.detach())
        smooth = running / (1 - _MEMORY ** (step + 1))
        if not np.isfinite(smooth) or (step > _SETTLED and smooth > _GIVEN_UP * losses[_SETTLED]):
            break
        losses.append(smooth)
        progress.advance()
    progress.stop()
    if not losses:
        raise SettingError(
            "the loss of the first step is not a finite number",
            "weights and features that are finite",
            "other weights (--weights FILE, --backbone NAME)",
        )
    settled = min(_SETTLED, len(losses) - 1)
    best = rates[settled + int(np.argmin(losses[settled:]))] / 10
    return rates[: len(losses)].astype(np.float32), np.array(losses, np.float32), float(best)


def _endless(plan: Plan) -> Iterator[Items]:
    for epoch in itertools.count():
        yield from plan.batches(epoch)
