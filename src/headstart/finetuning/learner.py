"""What learns: the tail of a network (or all of it) and a linear head on its features."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from headstart.backbones.devices import has_bf16
from headstart.finetuning.cutting import features
from headstart.finetuning.depth import trained_names
from headstart.finetuning.inputs import Inputs, Items
from headstart.layers import Affine

Weights = dict[str, Tensor]
Floats = npt.NDArray[np.float32]
_Row = TypeVar("_Row")

_HEAD, _NORM = "head.", "norm."
_BATCH = 32
# TensorFlow's networks remember a hundred batches or more: too many for a short training.
_MOMENTUM = 0.1
# Added under the root where its slope is taken, which has no bound at 0.
_SOFTENED = 0.01
# A feature that moves less than this share of the largest is left as it is.
_CONSTANT = 1e-6
# Of losses, for float16. torch begins with 65536, which a short training loses its first steps to.
_FIRST_SCALE = 1024.0


class Standard(nn.Module):
    """``(x - mean) / scale``, fixed once and for all."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(dim))
        self.scale = nn.Buffer(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """float32 [B, D] to the same shape."""
        standard: Tensor = (x - self.mean) / self.scale
        return standard


class _Root(torch.autograd.Function):
    """`layers.Root`; its slope is that of a softened root, for at 0 there is none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.copysign(x.abs().sqrt(), x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        return gradient / (2 * (x.abs() + _SOFTENED).sqrt())


@dataclass(frozen=True, eq=False)
class Learner:
    """A body, a head, and which of their parameters learn.

    Args:
        body: The network or its tail, in inference mode unless it learns from scratch.
        norm: Standardises what the head sees, so that one learning rate suits every network's head.
        head: The last layer.
        stages: Of the body's parameters that learn, by name.
        inputs: Gives the batches.
        moving: Whether normalisation statistics move as well.
        dropout: Of the features, while learning.
        half: What products are computed in; None: float32.
        rooted: Whether the head sees the features' roots.
        views: Of a picture, whose features are averaged where it is judged, as `request.TTA`
            numbers them.
    """

    body: Any
    norm: Standard
    head: nn.Linear
    stages: dict[str, int]
    inputs: Inputs
    moving: bool
    dropout: float
    half: torch.dtype | None
    rooted: bool
    views: tuple[int, ...] = (0,)

    @property
    def device(self) -> torch.device:
        """Where it learns."""
        return self.head.weight.device

    def scaler(self) -> torch.amp.GradScaler:
        """Makes losses large enough for the gradients of float16; of others it makes nothing."""
        is_on = self.half is torch.float16
        return torch.amp.GradScaler(self.device.type, _FIRST_SCALE, enabled=is_on)

    def forward(self, x: Tensor, kept: Tensor | None = None, head_only: bool = False) -> Tensor:
        """Scores float32 [B, C].

        Args:
            x: What the body takes.
            kept: float32 [B, D], what the features are multiplied by while learning.
            head_only: Whether the body gets no gradients.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not head_only):
            found = self._features(x)
        return self._scores(self._seen(found), kept)

    def kept(self, num_rows: int) -> Tensor:
        """What dropout multiplies the features by, drawn beside the processor, for any device."""
        drawn = torch.rand(num_rows, self.head.in_features) >= self.dropout
        return (drawn / (1 - self.dropout)).to(self.device)

    def parameters(self) -> dict[str, nn.Parameter]:
        """All that learn, by the names that `weights` uses."""
        own = {name: p for name, p in self.body.named_parameters() if name in self.stages}
        return own | {f"{_HEAD}{name}": p for name, p in self.head.named_parameters()}

    def weights(self) -> Weights:
        """A copy of all that learning changes."""
        return {name: tensor.detach().clone() for name, tensor in self._changing().items()}

    def take(self, weights: Weights) -> None:
        """Put weights in place."""
        with torch.no_grad():
            for name, tensor in self._changing().items():
                tensor.copy_(weights[name])

    def seen(self, items: Items) -> Floats:
        """float32 [N, D], what a head sees of rows and views before it is standardised."""
        with self._inference():
            found = [self._seen(self._features(x)) for x in self.inputs.batches(_in_batches(items))]
        return _stacked(found, self.head.in_features)

    def answers(self, rows: Sequence[int]) -> Floats:
        """float32 [N, C] of pictures as prediction sees them: the scores of the mean features."""
        parts = _in_batches(rows)
        views = self.inputs.batches([plain(p, (view,)) for p in parts for view in self.views])
        with self._inference():
            found = []
            for _ in parts:
                each = [self._features(next(views)) for _ in self.views]
                mean = torch.stack(each).mean(dim=0) if len(each) > 1 else each[0]
                found.append(self._scores(self._seen(mean)))
        return _stacked(found, self.head.out_features)

    def affine(self) -> Affine:
        """The head, on what `seen` gives."""
        weight = self.head.weight.detach() / self.norm.scale
        bias = self.head.bias.detach() - weight @ self.norm.mean
        weight, bias = weight.cpu(), bias.cpu()
        return Affine(weight.t().contiguous().numpy().copy(), bias.numpy().copy())

    def start_from(self, affine: Affine, X: Floats) -> None:
        """Put a head in place that was fitted on X [N, D], as `seen` gives it."""
        scale = X.std(axis=0)
        scale[scale <= _CONSTANT * np.abs(X).max()] = 1
        with torch.no_grad():
            self.norm.mean.copy_(torch.from_numpy(X.mean(axis=0)))
            self.norm.scale.copy_(torch.from_numpy(scale))
            weight = torch.from_numpy(affine.weight.T.copy()).to(self.device)
            bias = torch.from_numpy(affine.bias).to(self.device)
            self.head.bias.copy_(bias + weight @ self.norm.mean)
            self.head.weight.copy_(weight * self.norm.scale)

    def _seen(self, found: Tensor) -> Tensor:
        return _Root.apply(found) if self.rooted else found

    def _scores(self, seen: Tensor, kept: Tensor | None = None) -> Tensor:
        standard = self.norm(seen)
        scores: Tensor = self.head(standard if kept is None else standard * kept)
        return scores

    def _features(self, x: Tensor) -> Tensor:
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            return features(self.body, x).float()

    @contextlib.contextmanager
    def _inference(self) -> Iterator[None]:
        was_training = self.body.training
        self.body.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.body.train(was_training)

    def _changing(self) -> Weights:
        changing: Weights = dict(self.parameters())
        changing |= {f"{_NORM}{name}": buffer for name, buffer in self.norm.named_buffers()}
        if self.moving:
            changing |= {n: b for n, b in self.body.named_buffers() if b.is_floating_point()}
        return changing


def learner_of(
    network: Any,
    body: Any,
    inputs: Inputs,
    train_from: str,
    dims: tuple[int, int],
    *,
    dropout: float,
    autocast: str,
    device: str,
    rooted: bool,
    views: tuple[int, ...] = (0,),
) -> Learner:
    """Freeze what does not learn.

    Args:
        network: The whole network, for its stages.
        body: It, or its tail.
        inputs: What the body is given.
        train_from: The rung.
        dims: D of the tap ``head``, and C.
        dropout: Of the features, while learning.
        autocast: Of products, as `Tuning` has it.
        device: torch's name of where it learns.
        rooted: Whether the head sees the features' roots.
        views: Of a picture that is judged.
    """
    moving = train_from == "scratch"
    there = {name for name, _ in body.named_parameters()}
    stages = {n: s for n, s in trained_names(network, train_from).items() if n in there}
    for name, parameter in body.named_parameters():
        parameter.requires_grad_(name in stages)
    for module in body.modules():
        if moving and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = _MOMENTUM
    body.to(device, memory_format=torch.channels_last).train(moving)
    return Learner(
        body=body,
        norm=Standard(dims[0]).to(device),
        head=nn.Linear(*dims).to(device),
        stages=stages,
        inputs=inputs,
        moving=moving,
        dropout=dropout,
        half=_half(autocast, device),
        rooted=rooted,
        views=views,
    )


def _half(autocast: str, device: str) -> torch.dtype | None:
    """What products are computed in, in fewer than 32 bits; None: in all of them."""
    if autocast == "auto":
        on_card = "bf16" if has_bf16(device) else "f16"
        autocast = on_card if device.startswith("cuda") else "f32"
    return {"bf16": torch.bfloat16, "f16": torch.float16}.get(autocast)


def _in_batches(rows: Sequence[_Row]) -> list[Sequence[_Row]]:
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


def _stacked(batches: list[Tensor], dim: int) -> Floats:
    """float32 [N, dim], also of no batch at all."""
    return torch.cat([torch.empty(0, dim), *(batch.cpu() for batch in batches)]).numpy()


def mixture(first: Weights, second: Weights, share: float) -> Weights:
    """``(1 - share) * first + share * second``; exactly one of them at 0 and 1."""
    if share in (0.0, 1.0):
        return second if share else first
    return {name: torch.lerp(first[name], second[name], share) for name in first}


def plain(rows: Sequence[int], views: tuple[int, ...] = (0,)) -> Items:
    """The plain view of rows, or also those mirrored and turned, as `request.TTA` numbers them."""
    return [(row, -view) for view in views for row in rows]
