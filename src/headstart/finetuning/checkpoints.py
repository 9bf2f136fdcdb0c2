"""The state of a training on disk: one file, written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from headstart.errors import StoreError
from headstart.files import written_whole
from headstart.finetuning.learner import Weights

FILE = "checkpoint.safetensors"


@dataclass
class State:
    """All that the next step depends on; everything random follows from the seed and the step.

    Args:
        step: Steps done.
        seconds: Spent on the epochs that have ended.
        spent: Seconds of every process so far, with all that is done besides steps.
        loss: Sum of the losses of this epoch's steps so far.
        right: Likewise, of the shares of right answers.
        weights: Now.
        optimizer: What the optimiser remembers.
        average: Averaged weights; empty without averaging.
        best: Weights with the lowest validation loss; empty before the first epoch's end.
        best_epoch: Theirs.
        best_losses: Of the validation rows, then.
        worse: Epochs in a row that were clearly worse than the best.
        history: One record an epoch.
    """

    weights: Weights
    step: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    loss: float = 0.0
    right: float = 0.0
    scale: dict[str, Any] = field(default_factory=dict)
    optimizer: Weights = field(default_factory=dict)
    average: Weights = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    best_epoch: int = 0
    best_losses: list[float] = field(default_factory=list)
    worse: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


_TENSORS = ("weights", "optimizer", "average", "best")


def save(state: State, folder: Path) -> None:
    """Write the state.

    Raises:
        StoreError: It cannot be written; the one before is still there.
    """
    plain = {name: getattr(state, name) for name in vars(state) if name not in _TENSORS}
    tensors = {
        # Copies: the average may itself be the best.
        f"{part}:{name}": tensor.clone(memory_format=torch.contiguous_format)
        for part in _TENSORS
        for name, tensor in getattr(state, part).items()
    }
    with written_whole(folder / FILE) as temporary:
        try:
            save_file(tensors, temporary, {"state": json.dumps(plain)})
        except SafetensorError as error:  # its own kind, also for a full disk
            raise OSError(None, str(error)) from error


def load(folder: Path) -> State | None:
    """The last state that was written, or None.

    Raises:
        StoreError: It is damaged.
    """
    if not (folder / FILE).exists():
        return None
    parts: dict[str, Weights] = {part: {} for part in _TENSORS}
    try:
        with safe_open(folder / FILE, "pt") as file:
            plain = json.loads(file.metadata()["state"])
            for key in file.keys():  # noqa: SIM118 (not a dict)
                part, _, name = key.partition(":")
                # A copy of its own, where tensors made here would lie: how memory is aligned
                # may decide the last bit of a sum.
                parts[part][name] = file.get_tensor(key).clone()
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the checkpoint {folder / FILE} is damaged: {error}",
            "a checkpoint as it was written",
            f"remove it to train anew: {folder / FILE}",
        ) from error
    return State(**{**plain, **parts})
