"""A network cut in two: the trunk, whose outputs are computed once, and the tail that learns.

The tail is the network itself with everything before the cut replaced by nothing: given the
trunk's output instead of a picture, it goes on from there. Where a network is no chain at that
place (its layers exchange more than one tensor) this gives other numbers, so every cut is tried
on random pictures before it is used.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.network_graph import Normalised, export
from headstart.finetuning.depth import depths_of
from headstart.images.preprocessing import Preprocessing

OUTPUT = "cut"
_TOLERANCE = 1e-4


def cut(network: Any, first: int, size: int) -> tuple[nn.Module, Any] | None:
    """Trunk and tail of a network.

    Args:
        network: In inference mode; not changed.
        first: The first stage of the tail.
        size: Side of its pictures.

    Returns:
        The trunk (pictures [B, 3, H, W] to its output) and the tail; None where the network
        cannot be cut there.
    """
    before = _before(network, first, size)
    if not before:
        return None
    trunk = _Trunk(copy.deepcopy(network), before[-1])
    tail = copy.deepcopy(network)
    for name in before:
        parent, _, own = name.rpartition(".")
        tail.get_submodule(parent)._modules[own] = nn.Identity()
    if hasattr(tail, "_pos_embed"):  # what vision transformers add is in the trunk's output
        tail._pos_embed = _unchanged
    return (trunk, tail) if _agree(network, trunk, tail, size) else None


def write_trunk(trunk: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """The trunk as an ONNX graph: ``pixels`` uint8 [N, H, W, 3] to ``cut``."""
    side = preprocessing.size
    pixels = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    with torch.no_grad():
        export(_FromPixels(trunk, preprocessing).eval(), pixels, path, (OUTPUT,))


def features(network: Any, x: Tensor) -> Tensor:
    """The tap ``head`` [B, D], of pictures or of what a tail goes on from."""
    pooled: Tensor = network.forward_head(network.forward_features(x), pre_logits=True)
    if pooled.ndim == 2:
        return pooled
    return pooled.mean((2, 3)) if pooled.ndim == 4 else pooled.mean(1)


class _Trunk(nn.Module):
    """A network up to the output of one module."""

    def __init__(self, network: Any, last: str) -> None:
        super().__init__()
        self.network = network
        self._seen: list[Tensor] = []
        network.get_submodule(last).register_forward_hook(
            lambda _module, _inputs, output: self._seen.append(output)
        )

    def forward(self, x: Tensor) -> Tensor:
        self.network.forward_features(x)
        seen = self._seen[-1]
        self._seen.clear()
        return seen


class _FromPixels(Normalised):
    def forward(self, pixels: Tensor) -> Tensor:
        output: Tensor = self.network(self.normalise(pixels))
        return output


def _before(network: Any, first: int, size: int) -> list[str]:
    """Modules that are done when the tail begins, in the order they run, the largest there are."""
    tail = {name for name, depth in depths_of(network).of.items() if depth >= first}
    order = _order_of_running(network, size)
    owned = {name: _parameters(network, name, all_below=True) for name in order}
    start = next(
        place for place, name in enumerate(order) if _parameters(network, name, False) & tail
    )
    done = [
        name
        for name in order[:start]
        if not owned[name] & tail and not order[start].startswith(f"{name}.")
    ]
    whole = set(done)
    return [name for name in done if not whole.intersection(_parents(name))]


def _order_of_running(network: Any, size: int) -> list[str]:
    """Names of the modules in the order in which they begin to run."""
    order: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda _m, _i, name=name: order.append(name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network.forward_features(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return list(dict.fromkeys(order))


def _parameters(network: Any, name: str, all_below: bool) -> set[str]:
    module = network.get_submodule(name)
    return {f"{name}.{own}" for own, _ in module.named_parameters(recurse=all_below)}


def _parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts)))


def _unchanged(x: Tensor) -> Tensor:
    return x


def _agree(network: Any, trunk: nn.Module, tail: Any, size: int) -> bool:
    """Whether trunk and tail one after the other give what the network gives."""
    pictures = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            whole = features(network, pictures)
            output = trunk(pictures)
            parted = features(tail, output)
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, AssertionError):
        return False
    if not isinstance(output, Tensor) or parted.shape != whole.shape:
        return False
    return bool((parted - whole).abs().max() <= _TOLERANCE * whole.abs().max())
