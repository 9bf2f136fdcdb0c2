"""Two backbones' graphs as one: a tuned network beside the frozen one it came from.

What both compute is computed once: a node whose operation, attributes and inputs are those of one
that is there is that one. So the layers that tuning left alone cost nothing twice.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper
from onnx.utils import Extractor

from headstart.backbones.backbone import Backbone, Tap
from headstart.files import sha256, written_whole

TAP = "tuned"
_PREFIX = "beside."


def beside(frozen: Backbone, tuned: Backbone, path: Path) -> Backbone:
    """The frozen backbone with one tap more: the last of the tuned one.

    Args:
        frozen: Its taps and their order stay.
        tuned: Sees the same pixels.
        path: Where the graph is written, whole or not at all.

    Raises:
        StoreError: The graph cannot be written.
    """
    last = tuned.taps[-1]
    joined = _join(onnx.load(str(frozen.graph)), onnx.load(str(tuned.graph)), last)
    with written_whole(path) as temporary:
        onnx.save(joined, str(temporary))
    return dataclasses.replace(
        frozen,
        architecture=f"{frozen.architecture}+{tuned.architecture}",
        weights=f"{frozen.weights}; beside it {tuned.weights}",
        taps=(*frozen.taps, Tap(TAP, last.dim)),
        fingerprint=sha256(f"{frozen.fingerprint} beside {tuned.fingerprint}".encode()),
        graph=path,
    )


def _join(first: Any, second: Any, tap: Tap) -> Any:
    """The first model with the second's tap as an output more, under the name ``TAP``."""
    graph, added = first.graph, Extractor(second).extract_model(["pixels"], [tap.name]).graph
    names = {"pixels": "pixels", "": ""}
    constants, computed = _numbered(graph)
    for tensor in added.initializer:
        same = constants.get(_content(tensor))
        names[tensor.name] = same or _PREFIX + tensor.name
        if not same:
            tensor.name = names[tensor.name]
            graph.initializer.append(tensor)
    for node in added.node:
        inputs = [names[name] for name in node.input]
        known = computed.get(_operation(node, inputs))
        outputs = known or [_PREFIX + name if name else "" for name in node.output]
        names |= zip(node.output, outputs, strict=True)
        if not known:
            computed[_operation(node, inputs)] = outputs
            node.input[:], node.output[:], node.name = inputs, outputs, _PREFIX + node.name
            graph.node.append(node)
    graph.node.append(helper.make_node("Identity", [names[tap.name]], [TAP]))
    graph.output.append(helper.make_tensor_value_info(TAP, TensorProto.FLOAT, ["N", tap.dim]))
    onnx.checker.check_model(first)
    return first


def _numbered(graph: Any) -> tuple[dict[Any, str], dict[Any, list[str]]]:
    """Names by what they stand for: of each constant, and of each node's outputs.

    A graph may hold the same constant, and compute the same, more than once: the first stands for
    all of them, or what is behind the others would look like something else.
    """
    constants: dict[Any, str] = {}
    computed: dict[Any, list[str]] = {}
    first = {"pixels": "pixels", "": ""}
    for tensor in graph.initializer:
        first[tensor.name] = constants.setdefault(_content(tensor), tensor.name)
    for node in graph.node:
        key = _operation(node, [first[name] for name in node.input])
        first |= zip(node.output, computed.setdefault(key, list(node.output)), strict=True)
    return constants, computed


def _content(tensor: Any) -> tuple[Any, ...]:
    """What a constant is, apart from its name."""
    values = onnx.numpy_helper.to_array(tensor)
    return tensor.data_type, tuple(tensor.dims), sha256(values.tobytes())


def _operation(node: Any, inputs: list[str]) -> tuple[Any, ...]:
    """What a node computes, apart from its name and those of its outputs."""
    attributes = sorted(attribute.SerializeToString() for attribute in node.attribute)
    return node.op_type, node.domain, tuple(inputs), len(node.output), tuple(attributes)
