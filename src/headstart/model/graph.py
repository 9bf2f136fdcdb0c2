"""Writes the one graph that every door predicts from, and reads it. The doorkeeper of onnx.

The backbone's graph, cut after the taps in use, with the head's layers behind it:
``pixels`` uint8 [N, H, W, 3] to ``probabilities`` [N, C], ``features`` [N, D] (at the deepest
tap in use that is as it was pretrained) and ``distance`` [N, 1] (mean cosine distance there to the
nearest training pictures).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from headstart import layers
from headstart.layers import Affine, Layer, Normalise, Pool, Rectify, Root, Shift, Vote

# What the names of a backbone's weights begin with in its graph.
_NETWORK = "network."


def write_classifier_graph(
    path: Path,
    *,
    backbone_graph: Path,
    taps: Sequence[str],
    familiar_tap: str,
    head_layers: Sequence[Layer],
    temperature: float,
    bank: npt.NDArray[np.float16],
    neighbours: int,
    class_names: Sequence[str],
) -> None:
    """Write the graph of a whole classifier.

    Args:
        path: Where to.
        backbone_graph: ONNX file with one output a tap.
        taps: Those the head was fitted on, in the order of its columns.
        familiar_tap: The one at which pictures are compared with those of training.
        head_layers: Concatenated features to scores [N, C].
        temperature: Scores are divided by it before the softmax.
        bank: float16 [M, D], features there of training pictures, rows of length 1.
        neighbours: How many of them the distance is averaged over.
        class_names: Kept in the file's metadata, in the order of the probabilities.
    """
    outputs = list(dict.fromkeys([*taps, familiar_tap]))
    model = Extractor(onnx.load(str(backbone_graph))).extract_model(["pixels"], outputs)
    nodes = _Nodes(model.graph)
    x = nodes.add("Concat", list(taps), axis=1) if len(taps) > 1 else taps[0]
    for layer in head_layers:
        x = _append(nodes, layer, x)
    nodes.add("Softmax", [nodes.divide(x, temperature)], "probabilities", axis=1)
    nodes.add("Identity", [familiar_tap], "features")
    _append_distance(nodes, familiar_tap, bank, neighbours)
    dims = {"probabilities": len(class_names), "features": bank.shape[1], "distance": 1}
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", dim])
        for name, dim in dims.items()
    )
    helper.set_model_props(model, {"classes": json.dumps(list(class_names))})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def write_answers(graph: Path, path: Path, properties: dict[str, str]) -> None:
    """Write a classifier's graph again with its probabilities as the only output.

    Args:
        graph: As `write_classifier_graph` wrote it.
        path: Where to.
        properties: Kept in the file's metadata.
    """
    model = Extractor(onnx.load(str(graph))).extract_model(["pixels"], ["probabilities"])
    helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def weights_of(graph: Path) -> dict[str, npt.NDArray[Any]]:
    """The network's own tensors in a classifier's graph, under the names they have in timm."""
    return {
        tensor.name.removeprefix(_NETWORK): numpy_helper.to_array(tensor)
        for tensor in onnx.load(str(graph)).graph.initializer
        if tensor.name.startswith(_NETWORK)
    }


def _append(nodes: _Nodes, layer: Layer, x: str) -> str:
    match layer:
        case Affine(weight, bias):
            product = nodes.add("MatMul", [x, nodes.constant(weight)])
            return nodes.add("Add", [product, nodes.constant(bias)])
        case Shift(offset):
            return nodes.add("Add", [x, nodes.constant(offset)])
        case Root():
            root = nodes.add("Sqrt", [nodes.add("Abs", [x])])
            return nodes.add("Mul", [nodes.add("Sign", [x]), root])
        case Rectify():
            return nodes.add("Relu", [x])
        case Normalise():
            return _append_normalise(nodes, x)
        case Vote():
            return _append_vote(nodes, layer, x)
        case Pool():
            return _append_pool(nodes, layer, x)


def _append_normalise(nodes: _Nodes, x: str) -> str:
    squares = nodes.add("ReduceSumSquare", [x], axes=[1], keepdims=1)
    length = nodes.add("Sqrt", [squares])
    return nodes.add("Div", [x, nodes.add("Max", [length, nodes.scalar(float(layers.TINY))])])


def _append_vote(nodes: _Nodes, vote: Vote, x: str) -> str:
    """The same sums as `layers.Vote.run`: [N, k] weights times [N, k, C] one-hot classes."""
    similarity = nodes.add("MatMul", [x, nodes.constant(vote.bank.T.copy())])
    value, nearest = nodes.add_top(similarity, vote.neighbours)
    largest = nodes.add("ReduceMax", [value], axes=[1], keepdims=1)
    shifted = nodes.add("Sub", [value, largest])
    weight = nodes.add("Exp", [nodes.add("Mul", [shifted, nodes.scalar(vote.sharpness)])])
    one_hot = np.eye(vote.num_classes, dtype=np.float32)[vote.classes]
    chosen = nodes.add("Gather", [nodes.constant(one_hot), nearest], axis=0)
    column = nodes.add("Unsqueeze", [weight, nodes.constant(np.array([2], np.int64))])
    weighted = nodes.add("Mul", [chosen, column])
    votes = nodes.add("ReduceSum", [weighted, nodes.constant(np.array([1], np.int64))], keepdims=0)
    votes = nodes.add("Add", [votes, nodes.scalar(vote.prior)])
    axes = nodes.constant(np.array([1], np.int64))
    share = nodes.add("Div", [votes, nodes.add("ReduceSum", [votes, axes], keepdims=1)])
    return nodes.add("Log", [share])


def _append_pool(nodes: _Nodes, pool: Pool, x: str) -> str:
    axes = nodes.constant(np.array([1], np.int64))
    total = ""
    for branch, seen, weight in zip(pool.branches, pool.columns, pool.weights, strict=True):
        first, behind = (nodes.constant(np.array([column], np.int64)) for column in seen)
        scores = nodes.add("Slice", [x, first, behind, axes])
        for layer in branch:
            scores = _append(nodes, layer, scores)
        scores = nodes.add("Mul", [scores, nodes.scalar(weight)])
        total = nodes.add("Add", [total, scores]) if total else scores
    return total


def _append_distance(
    nodes: _Nodes, tap: str, bank: npt.NDArray[np.float16], neighbours: int
) -> None:
    stored = nodes.constant(np.ascontiguousarray(bank.T))
    bank_name = nodes.add("Cast", [stored], to=TensorProto.FLOAT)
    similarity = nodes.add("MatMul", [_append_normalise(nodes, tap), bank_name])
    value, _ = nodes.add_top(similarity, neighbours)
    mean = nodes.add("ReduceMean", [value], axes=[1], keepdims=1)
    nodes.add("Sub", [nodes.scalar(1.0), mean], "distance")


class _Nodes:
    """Appends nodes to a graph under names of their own."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._count = 0

    def add(self, kind: str, inputs: list[str], output: str | None = None, **more: Any) -> str:
        output = output or self._name(kind)
        self._graph.node.append(helper.make_node(kind, inputs, [output], **more))
        return output

    def add_top(self, x: str, number: int) -> tuple[str, str]:
        """Values and indices of the largest ``number`` a row."""
        outputs = (self._name("value"), self._name("index"))
        how_many = self.constant(np.array([number], np.int64))
        node = helper.make_node("TopK", [x, how_many], list(outputs), axis=1, largest=1, sorted=1)
        self._graph.node.append(node)
        return outputs

    def constant(self, array: npt.NDArray[Any]) -> str:
        name = self._name("constant")
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def scalar(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def divide(self, x: str, value: float) -> str:
        return self.add("Div", [x, self.scalar(value)])

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"headstart.{self._count}.{kind}"
