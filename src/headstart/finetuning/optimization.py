"""Optimisers by name, and a learning rate for every depth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from headstart.finetuning.learner import Learner
from headstart.finetuning.recipe import Tuning


def optimizer_of(learner: Learner, tuning: Tuning) -> torch.optim.Optimizer:
    """The optimiser; each group keeps its own peak rate as ``"peak"``.

    Biases, scales and shifts (whatever has one dimension) are not made smaller by weight decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    deepest = max(learner.stages.values(), default=0)
    for name, parameter in learner.parameters().items():
        if name in learner.stages:
            rate = tuning.learning_rate * tuning.layer_decay ** (deepest - learner.stages[name])
        else:
            rate = tuning.head_learning_rate
        decay = tuning.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    described = [
        {"params": parameters, "lr": rate, "peak": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]
    return _named(tuning.optimizer, described)


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Every group learns so many times as fast as at its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def state_of(optimizer: torch.optim.Optimizer, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """What the optimiser remembers of each parameter: tensors by ``"name/kind"``."""
    parameters = _in_groups(optimizer)
    return {
        f"{name}/{kind}": value
        for name, parameter in zip(names, parameters, strict=True)
        for kind, value in optimizer.state[parameter].items()
        if isinstance(value, torch.Tensor)
    }


def restore(
    optimizer: torch.optim.Optimizer, names: Iterable[str], state: dict[str, torch.Tensor]
) -> None:
    """Put back what ``state_of`` gave, in the memory layout of the parameters."""
    for name, parameter in zip(names, _in_groups(optimizer), strict=True):
        for key, value in state.items():
            owner, _, kind = key.rpartition("/")
            if owner == name:
                optimizer.state[parameter][kind] = _laid_out_like(parameter, value)


def names_in_groups(optimizer: torch.optim.Optimizer, learner: Learner) -> list[str]:
    """Names of the optimiser's parameters, in its order."""
    names = {id(parameter): name for name, parameter in learner.parameters().items()}
    return [names[id(parameter)] for parameter in _in_groups(optimizer)]


def _in_groups(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _laid_out_like(parameter: nn.Parameter, value: torch.Tensor) -> torch.Tensor:
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _named(name: str, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(groups, momentum=0.9, alpha=0.9, eps=1e-3)
    return torch.optim.AdamW(groups)
