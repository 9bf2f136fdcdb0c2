"""A graph as torch runs it, operation by operation: for graphics cards. A doorkeeper of torch.

It is the file that OpenVINO runs on the processor, so every network in it, with whatever head
behind it, gives the same outputs under the same names here as there.

Decimal numbers live on the card. Whole ones (shapes, axes, places) and single ones live beside the
processor: whoever reads them need not wait for the card.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from headstart.backbones.torch_operations import OPERATIONS

Values = dict[str, Tensor]
_CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class _Step:
    """One operation.

    Args:
        run: Tensors in, a tensor or several out; None stands for an input that is left out.
        inputs, outputs: Their names.
        follows: Whether the number of pictures alone decides what comes out.
        done: Names that nobody asks for afterwards.
    """

    run: Callable[..., Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    follows: bool
    done: tuple[str, ...]


class TorchGraph:
    """A graph on a device.

    Args:
        path: ONNX file with an input ``pixels`` uint8 [N, H, W, 3].
        outputs: Names to compute; None: all of them.
        device: torch's name of it.
        half: What products are computed in; None: float32, to its last bit.
        exact: Vectors on the way whose precision is the last thing to be lost: all that is
            computed from them is float32.

    Raises:
        NotImplementedError: An operation that is not known here.
        Exception: onnx raises many kinds for what is no graph, torch for what a device cannot do.
    """

    def __init__(
        self,
        path: Path,
        outputs: tuple[str, ...] | None,
        device: torch.device,
        half: torch.dtype | None = None,
        exact: tuple[str, ...] = (),
    ) -> None:
        graph = onnx.load(str(path)).graph
        self.side = int(graph.input[0].type.tensor_type.shape.dim[1].dim_value)
        self.outputs = outputs or tuple(output.name for output in graph.output)
        self._device, self._half = device, half
        self._fixed: Values = {}
        for tensor in graph.initializer:
            self._fixed[tensor.name] = _tensor(numpy_helper.to_array(tensor))
        nodes = [n for n in _needed(graph.node, {*self.outputs, *exact}) if not self._is_fixed(n)]
        in_network = _needed(nodes, set(exact or self.outputs))
        there = set(map(id, in_network))
        rest = [node for node in nodes if id(node) not in there]
        steps = self._steps([*in_network, *rest])
        self._parts = steps[: len(in_network)], steps[len(in_network) :]
        self._fixed = {name: self._placed(tensor) for name, tensor in self._fixed.items()}
        # What follows from the number of pictures, by that number.
        self._following: dict[int, Values] = {}

    def run(self, pixels: Tensor) -> Values:
        """The outputs for a batch.

        Args:
            pixels: uint8 [N, H, W, 3], on the device.

        Returns:
            float32 [N, D] by output name, on the device.
        """
        following = self._following.get(len(pixels))
        values = {**self._fixed, **(following or {}), "pixels": pixels}
        fresh: Values | None = {} if following is None else None
        network, rest = self._parts
        with torch.inference_mode(), _exactly():
            with torch.autocast(self._device.type, self._half, enabled=self._half is not None):
                self._walk(network, values, fresh)
            values = {name: _single(tensor) for name, tensor in values.items()}
            self._walk(rest, values, fresh)
            if fresh is not None:
                self._following[len(pixels)] = {n: self._placed(t) for n, t in fresh.items()}
            return {name: values[name] for name in self.outputs}

    def _walk(self, steps: Iterable[_Step], values: Values, fresh: Values | None) -> None:
        """Take the steps; ``fresh`` gets what follows from the number of pictures."""
        for step in steps:
            if step.follows and fresh is None:
                continue
            given = [values[name] if name else None for name in step.inputs]
            place = _CPU if step.follows else self._device
            made = step.run(*(self._placed(tensor, place) for tensor in given))
            named = _named(step.outputs, made)
            values.update(named)
            if fresh is not None and step.follows:
                fresh.update(named)
            for name in step.done:
                values.pop(name, None)

    def _placed(self, tensor: Any, place: torch.device | None = None) -> Any:
        is_decimal = tensor is not None and tensor.is_floating_point() and tensor.ndim
        return tensor.to(place or self._device) if is_decimal else tensor

    def _is_fixed(self, node: Any) -> bool:
        """Whether it follows from fixed values alone; then it becomes one of them."""
        if not all(name in self._fixed for name in node.input if name):
            return False
        given = [self._fixed[name] if name else None for name in node.input]
        made = _operation(node)(*given)
        self._fixed |= _named(node.output, made)
        return True

    def _steps(self, nodes: list[Any]) -> list[_Step]:
        known, steps = set(self._fixed), []
        last = {name: place for place, node in enumerate(nodes) for name in node.input}
        for place, node in enumerate(nodes):
            follows = node.op_type == "Shape" or known.issuperset(filter(None, node.input))
            if follows:
                known.update(node.output)
            done = tuple(name for name in set(node.input) if last[name] == place)
            done = tuple(name for name in done if name and name not in self.outputs)
            inputs, outputs = tuple(node.input), tuple(node.output)
            steps.append(_Step(_operation(node), inputs, outputs, follows, done))
        return steps


def _named(names: Iterable[str], made: Any) -> Values:
    """What an operation gave; names may be fewer, of those that come last nobody may ask."""
    return dict(zip(names, made if isinstance(made, tuple) else (made,), strict=False))


def _operation(node: Any) -> Callable[..., Any]:
    if node.op_type not in OPERATIONS:
        raise NotImplementedError(node.op_type)
    settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return OPERATIONS[node.op_type](
        **{
            name: _tensor(numpy_helper.to_array(value))
            if isinstance(value, onnx.TensorProto)
            else value
            for name, value in settings.items()
        }
    )


def _needed(nodes: Iterable[Any], wanted: set[str]) -> list[Any]:
    """The nodes that some names are computed by, in their order."""
    wanted, found = set(wanted), []
    for node in reversed(list(nodes)):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.append(node)
    return found[::-1]


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    tensor = torch.from_numpy(np.array(array))
    # As the pictures lie: their channels last.
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


@contextlib.contextmanager
def _exactly() -> Iterator[None]:
    """Float32 is float32: cards else round what convolutions are given to 10 bits (TF32)."""
    backends: Any = torch.backends
    exact: Any
    if hasattr(backends.cudnn, "conv"):
        places, name, exact = (backends.cudnn.conv, backends.cuda.matmul), "fp32_precision", "ieee"
    else:  # torch before 2.9
        places, name, exact = (backends.cudnn, backends.cuda.matmul), "allow_tf32", False
    before = [getattr(place, name) for place in places]
    for place in places:
        setattr(place, name, exact)
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            setattr(place, name, value)
