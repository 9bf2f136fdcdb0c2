"""The operations of a graph, in torch: what ONNX says of each, at version 17 of its operations.

`OPERATIONS` gives for each name a function of the operation's settings, which returns the function
of its tensors. Whole numbers (shapes, axes, places) and single ones are read where they lie.

Source:
    https://onnx.ai/onnx/operators/, and what timm's networks use of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Operation = Callable[..., Any]

# ONNX's numbers of the kinds of numbers.
_KINDS = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}
_CONVOLUTIONS = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}


def _divide(x: Tensor, y: Tensor) -> Tensor:
    whole = not (x.is_floating_point() or y.is_floating_point())
    return torch.div(x, y, rounding_mode="trunc" if whole else None)


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    limits = (None if limit is None else limit.item() for limit in (low, high))
    return x if low is None and high is None else torch.clamp(x, *limits)


def _normalise_batch(
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0
) -> Operation:
    def run(x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return functional.batch_norm(x, mean, variance, scale, shift, eps=epsilon)

    return run


def _gather(x: Tensor, index: Tensor, axis: int) -> Tensor:
    chosen: Tensor = x[(slice(None),) * (axis % x.ndim) + (index,)]
    return chosen


def _expand(x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, shape.tolist()))  # type: ignore[no-untyped-call]


def _reshape(x: Tensor, shape: Tensor) -> Tensor:
    """A zero stands for the length that is there."""
    return x.reshape([length or x.shape[axis] for axis, length in enumerate(shape.tolist())])


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    ndim = x.ndim + axes.numel()
    for axis in sorted(axis % ndim for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes.tolist())


def _slice(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    begun, ended = starts.tolist(), ends.tolist()
    along = range(len(begun)) if axes is None else axes.tolist()
    by = [1] * len(begun) if steps is None else steps.tolist()
    for start, end, axis, step in zip(begun, ended, along, by, strict=True):
        if step > 0:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
        else:  # torch goes forwards only
            places = range(x.shape[axis])[start:end:step]
            x = x.index_select(axis, torch.tensor(list(places), device=x.device))
    return x


def _split(x: Tensor, lengths: Tensor | None = None, *, axis: int, parts: int) -> Any:
    if lengths is not None:
        return torch.split(x, lengths.tolist(), axis)
    return torch.split(x, -(-x.shape[axis] // parts), axis)


def _pad(
    x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None, *, mode: str
) -> Tensor:
    lengths = pads.tolist()
    half = len(lengths) // 2
    along = list(range(half)) if axes is None else [axis % x.ndim for axis in axes.tolist()]
    both = [(0, 0)] * x.ndim
    for place, axis in enumerate(along):
        both[axis] = lengths[place], lengths[half + place]
    flat = [length for pair in reversed(both) for length in pair]
    if mode == "constant":
        return functional.pad(x, flat, value=0.0 if value is None else value.item())
    while len(flat) > 2 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    return functional.pad(x, flat, mode={"edge": "replicate"}.get(mode, mode))


def _sided(x: Tensor, pads: Sequence[int], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Padding as torch's layers take it, alike on both sides; what is not is done here."""
    half = len(pads) // 2
    begin, end = list(pads[:half]), list(pads[half:])
    if begin == end:
        return x, begin
    flat = [length for pair in zip(begin[::-1], end[::-1], strict=True) for length in pair]
    return functional.pad(x, flat, value=value), [0] * half


def _convolution(
    kernel_shape: Any = None,
    strides: Any = 1,
    pads: Sequence[int] = (),
    dilations: Any = 1,
    group: int = 1,
    auto_pad: bytes = b"NOTSET",
) -> Operation:
    _must_be_said(auto_pad)

    def run(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        x, padding = _sided(x, pads or [0] * (2 * (x.ndim - 2)))
        convolve = _CONVOLUTIONS[x.ndim]
        return convolve(x, weight, bias, strides, padding, dilations, group)

    return run


def _largest(
    kernel_shape: list[int],
    strides: Any = 1,
    pads: Sequence[int] = (),
    dilations: Any = 1,
    ceil_mode: int = 0,
    storage_order: int = 0,
    auto_pad: bytes = b"NOTSET",
) -> Operation:
    _must_be_said(auto_pad)

    def run(x: Tensor) -> Tensor:
        sides, padding = _sided(x, pads or [0] * (2 * (x.ndim - 2)), -torch.inf)
        return functional.max_pool2d(
            sides, kernel_shape, strides, padding, dilations, bool(ceil_mode)
        )

    return run


def _average(
    kernel_shape: list[int],
    strides: Any = 1,
    pads: Sequence[int] = (),
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    auto_pad: bytes = b"NOTSET",
) -> Operation:
    _must_be_said(auto_pad)

    def run(x: Tensor) -> Tensor:
        given = list(pads or [0] * (2 * (x.ndim - 2)))
        half = len(given) // 2
        if given[:half] != given[half:]:
            raise NotImplementedError("AveragePool with unlike sides")
        return functional.avg_pool2d(
            x, kernel_shape, strides, given[:half], bool(ceil_mode), bool(count_include_pad)
        )

    return run


def _must_be_said(auto_pad: bytes) -> None:
    if auto_pad != b"NOTSET":
        raise NotImplementedError(f"auto_pad {auto_pad.decode()}")


def _general_product(
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Operation:
    def run(a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
        product = alpha * torch.matmul(a.T if transA else a, b.T if transB else b)
        return product if c is None else product + beta * c

    return run


def _reduction(of_many: Callable[..., Tensor]) -> Callable[..., Operation]:
    """One of those that make one number of many: axes are a setting, or an input."""

    def of(
        axes: Sequence[int] | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Operation:
        def run(x: Tensor, given: Tensor | None = None) -> Tensor:
            along = axes if given is None else given.tolist()
            return of_many(x, tuple(along or range(x.ndim)), bool(keepdims))

        return run

    return of


def _top(axis: int = -1, largest: int = 1, sorted: int = 1) -> Operation:
    def run(x: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        (count,) = number.tolist()
        value, place = torch.topk(x, count, axis, bool(largest), bool(sorted))
        return value, place

    return run


def _cast(to: int) -> Operation:
    return lambda x: x.to(_KINDS[to])


def _shape(start: int = 0, end: int | None = None) -> Operation:
    return lambda x: torch.tensor(x.shape[start:end], dtype=torch.int64)


def _filled(value: Tensor | None = None) -> Operation:
    one = torch.zeros(1) if value is None else value
    return lambda shape: one.expand(shape.tolist()).contiguous()


def _ready(operation: Operation) -> Callable[..., Operation]:
    """One without settings."""
    return lambda: operation


def _count(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


_PLAIN: dict[str, Operation] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "And": torch.logical_and,
    "Ceil": torch.ceil,
    "Clip": _clip,
    "Cos": torch.cos,
    "Div": _divide,
    "Dropout": lambda x, *_: x,
    "Equal": torch.eq,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Expand": _expand,
    "Floor": torch.floor,
    "GlobalAveragePool": lambda x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    "GlobalMaxPool": lambda x: x.amax(tuple(range(2, x.ndim)), keepdim=True),
    "Greater": torch.gt,
    "HardSwish": functional.hardswish,
    "Identity": lambda x: x,
    "Less": torch.lt,
    "Log": torch.log,
    "MatMul": torch.matmul,
    "Max": lambda *many: reduce(torch.maximum, many),
    "Min": lambda *many: reduce(torch.minimum, many),
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Or": torch.logical_or,
    "PRelu": lambda x, slope: torch.where(x < 0, slope * x, x),
    "Pow": torch.pow,
    "Range": _count,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Slice": _slice,
    "Softplus": functional.softplus,
    "Sqrt": torch.sqrt,
    "Squeeze": _squeeze,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Tile": lambda x, times: x.tile(times.tolist()),
    "Unsqueeze": _unsqueeze,
    "Where": torch.where,
}

OPERATIONS: dict[str, Callable[..., Operation]] = {
    **{name: _ready(operation) for name, operation in _PLAIN.items()},
    "AveragePool": _average,
    "BatchNormalization": _normalise_batch,
    "Cast": _cast,
    "Concat": lambda axis: lambda *parts: torch.cat(parts, axis),
    "Constant": lambda value: lambda: value,
    "ConstantOfShape": _filled,
    "Conv": _convolution,
    "Elu": lambda alpha=1.0: lambda x: functional.elu(x, alpha),
    "Flatten": lambda axis=1: lambda x: x.reshape(x.shape[:axis].numel(), -1),
    "Gather": lambda axis=0: lambda x, index: _gather(x, index, axis),
    "Gemm": _general_product,
    "HardSigmoid": lambda alpha=0.2, beta=0.5: lambda x: (alpha * x + beta).clamp(0, 1),
    "InstanceNormalization": lambda epsilon=1e-5: (
        lambda x, scale, shift: functional.instance_norm(x, weight=scale, bias=shift, eps=epsilon)
    ),
    "LayerNormalization": lambda axis=-1, epsilon=1e-5, stash_type=1: (
        lambda x, scale, shift=None: functional.layer_norm(x, x.shape[axis:], scale, shift, epsilon)
    ),
    "LeakyRelu": lambda alpha=0.01: lambda x: functional.leaky_relu(x, alpha),
    "MaxPool": _largest,
    "Mod": lambda fmod=0: torch.fmod if fmod else torch.remainder,
    "Pad": lambda mode=b"constant": lambda *given: _pad(*given, mode=mode.decode()),
    "ReduceL2": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceMin": _reduction(torch.amin),
    "ReduceSum": _reduction(torch.sum),
    "ReduceSumSquare": _reduction(lambda x, axes, keep: (x * x).sum(axes, keep)),
    "Reshape": lambda allowzero=0: _reshape,
    "Shape": _shape,
    "Softmax": lambda axis=-1: lambda x: torch.softmax(x, axis),
    "Split": lambda axis=0, num_outputs=1: (
        lambda *given: _split(*given, axis=axis, parts=num_outputs)
    ),
    "TopK": _top,
    "Transpose": lambda perm: lambda x: x.permute(perm),
}
