"""What a training will take, before it starts: one step is made on blank input and forgotten."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from headstart.finetuning.epoch_metrics import duration
from headstart.finetuning.learner import Learner
from headstart.finetuning.plan import Plan
from headstart.finetuning.recipe import Tuning

_PICTURES = 8
# The first is slower: memory is fetched, kernels are chosen.
_TRIES = 2
# Judging goes forwards only; about a third of a step.
_FORWARD_SHARE = 1 / 3
# That one core decodes, augments and takes through frozen layers.
_VIEWS_A_SECOND = 100.0
# Tensors of a weight's size that an optimiser keeps, and its gradient.
_COPIES = {"adamw": 3, "sgd": 2, "rmsprop": 2}


@dataclass(frozen=True)
class Forecast:
    """What a training will take.

    Args:
        seconds: Of frozen layers, steps and judging epochs.
        ending: Seconds after the last epoch, to choose and to judge.
        num_bytes: Of memory, this process's as it is now included.
    """

    seconds: float
    ending: float
    num_bytes: int

    @property
    def words(self) -> str:
        """In a few."""
        return f"about {duration(self.seconds)}, {self.num_bytes / 1e9:.1f} GB of memory"


def forecast(
    learner: Learner,
    tuning: Tuning,
    plan: Plan,
    num_validation: int,
    num_at_the_end: int,
    num_missing: int,
    threads: int,
) -> Forecast:
    """Try a step.

    Args:
        learner: Is left as it was.
        tuning: The recipe.
        plan: Says how many steps there are.
        num_validation: Views of pictures that judge every epoch.
        num_at_the_end: Views that are judged after the last one.
        num_missing: Views for which the frozen layers are yet to be computed.
        threads: Cores that do it.
    """
    x = learner.inputs.blank(_PICTURES)
    was_training = learner.body.training
    learner.body.eval()
    seconds = min(_seconds_of_step(learner, x) for _ in range(_TRIES)) / _PICTURES
    kept = _bytes_kept(learner, x) / _PICTURES
    learner.body.train(was_training)
    for parameter in learner.parameters().values():
        parameter.grad = None
    weights = sum(p.nbytes for p in learner.parameters().values())
    pictures = plan.steps * plan.batch_size + _FORWARD_SHARE * num_validation
    return Forecast(
        seconds=seconds * pictures * tuning.epochs + num_missing / (_VIEWS_A_SECOND * threads),
        ending=seconds * _FORWARD_SHARE * num_at_the_end,
        num_bytes=int(_resident() + plan.batch_size * kept + _COPIES[tuning.optimizer] * weights),
    )


def _seconds_of_step(learner: Learner, x: Tensor) -> float:
    began = time.monotonic()
    total = learner.forward(x).sum()
    total.backward()  # type: ignore[no-untyped-call]
    float(total.detach())  # a card is waited for
    return time.monotonic() - began


def _bytes_kept(learner: Learner, x: Tensor) -> int:
    """What a step keeps between going forwards and backwards."""
    own = {p.untyped_storage().data_ptr() for p in learner.body.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        scores = learner.forward(x)
    del scores
    return sum(found.values())


def _resident() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
