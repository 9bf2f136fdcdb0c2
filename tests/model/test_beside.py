"""Two graphs as one: what each of them gave, and nothing computed twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from headstart.backbones.backbone import Backbone, Tap
from headstart.backbones.engine import Engine
from headstart.images.preprocessing import Preprocessing
from headstart.model.beside import TAP, beside

SIDE = 4
EARLY = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32) / 100
LATE = np.random.default_rng(1).normal(size=(2, 5, 6)).astype(np.float32)


def backbone(path: Path, early: np.ndarray, late: np.ndarray) -> Backbone:
    """Mean colour, times a matrix, times another; and an output that is asked of neither.

    As in graphs that torch writes, constants stand there twice, as tensors and as nodes.
    """
    zero = numpy_helper.from_array(np.zeros((), np.float32))
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Constant", [], ["zero1"], value=zero),
        helper.make_node("Constant", [], ["zero2"], value=zero),
        helper.make_node("Add", ["mean", "zero1"], ["once"]),
        helper.make_node("Add", ["once", "network.none1"], ["twice"]),
        helper.make_node("MatMul", ["twice", "network.early"], ["stage1"]),
        helper.make_node("Add", ["stage1", "zero2"], ["thrice"]),
        helper.make_node("Add", ["thrice", "network.none2"], ["again"]),
        helper.make_node("MatMul", ["again", "network.late"], ["head"]),
        helper.make_node("Neg", ["head"], ["logits"]),
    ]
    tensors = [
        numpy_helper.from_array(array, f"network.{name}")
        for name, array in (
            *(("none1", np.zeros(1, np.float32)), ("none2", np.zeros(1, np.float32))),
            *(("early", early), ("late", late)),
        )
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", dim])
        for name, dim in (("stage1", 5), ("head", 6), ("logits", 6))
    ]
    graph = helper.make_graph(nodes, "backbone", [pixels], outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return Backbone(
        name="small",
        architecture=path.stem,
        weights="made here",
        pretrained=True,
        licence="none",
        preprocessing=Preprocessing(
            size=SIDE,
            resize=SIDE,
            interpolation="bilinear",
            mean=(0.0, 0.0, 0.0),
            std=(255.0, 255.0, 255.0),
            crop=True,
        ),
        taps=(Tap("stage1", 5), Tap("head", 6)),
        fingerprint=path.stem,
        graph=path,
    )


@pytest.mark.parametrize(("same_early", "matrices"), [(True, 3), (False, 4)])
def test_both_give_what_they_gave_and_share_what_is_the_same(
    tmp_path: Path, same_early: bool, matrices: int
) -> None:
    frozen = backbone(tmp_path / "frozen.onnx", EARLY, LATE[0])
    tuned = backbone(tmp_path / "tuned.onnx", EARLY if same_early else 2 * EARLY, LATE[1])
    both = beside(frozen, tuned, tmp_path / "both.onnx")
    pixels = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    found = Engine(both.graph).run(pixels)
    alone = [Engine(each.graph).run(pixels) for each in (frozen, tuned)]
    for name in ("stage1", "head"):
        np.testing.assert_array_equal(found[name], alone[0][name])
    np.testing.assert_array_equal(found[TAP], alone[1]["head"])
    graph = onnx.load(str(both.graph)).graph
    assert len(graph.initializer) == matrices + 2
    assert sum(node.op_type == "Add" for node in graph.node) == (4 if same_early else 6)
    assert sum(node.op_type == "MatMul" for node in graph.node) == matrices
    assert sum(node.op_type == "ReduceMean" for node in graph.node) == 1


def test_the_record_names_both(tmp_path: Path) -> None:
    frozen = backbone(tmp_path / "frozen.onnx", EARLY, LATE[0])
    tuned = backbone(tmp_path / "tuned.onnx", EARLY, LATE[1])
    both = beside(frozen, tuned, tmp_path / "both.onnx")
    assert both.taps == (Tap("stage1", 5), Tap("head", 6), Tap(TAP, 6))
    assert both.architecture == "frozen+tuned"
    assert both.weights == "made here; beside it made here"
    assert len({both.fingerprint, frozen.fingerprint, tuned.fingerprint}) == 3
