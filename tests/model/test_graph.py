"""The written graph gives what `layers.run` gives, for every kind of layer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from headstart import layers
from headstart.backbones.engine import Engine
from headstart.layers import Affine, Layer, Normalise, Pool, Rectify, Root, Shift, Vote
from headstart.model.graph import write_classifier_graph

RANDOM = np.random.default_rng(0)
SIDE = 4


def backbone_graph(path: Path) -> Path:
    """Two taps: the mean colour, and the mean colour times a matrix; and one that is not used."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["stage1"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["stage1", "matrix"], ["head"]),
        helper.make_node("Neg", ["head"], ["logits"]),
    ]
    matrix = numpy_helper.from_array(RANDOM.normal(size=(3, 5)).astype(np.float32) / 100, "matrix")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", dim])
        for name, dim in (("stage1", 3), ("head", 5), ("logits", 5))
    ]
    graph = helper.make_graph(nodes, "backbone", [pixels], outputs, [matrix])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


HEADS: dict[str, list[Layer]] = {
    "affine": [Affine(normal(8, 3), normal(3))],
    "fully connected": [
        Affine(normal(8, 6), normal(6)),
        Rectify(),
        Affine(normal(6, 3), normal(3)),
    ],
    "cosine": [Shift(normal(8)), Normalise(), Affine(normal(8, 3), normal(3))],
    "rooted": [Shift(normal(8)), Root(), Affine(normal(8, 3), normal(3))],
    "neighbours": [
        Normalise(),
        Vote(normal(9, 8), RANDOM.integers(0, 3, 9), num_classes=3, neighbours=4, sharpness=5.0),
    ],
    "ensemble": [
        Root(),
        Pool(
            (
                (Affine(normal(8, 3), normal(3)),),
                (Shift(normal(5)), Normalise(), Affine(normal(5, 3), normal(3))),
            ),
            columns=((0, 8), (3, 8)),
            weights=(0.6, 1.5),
        ),
    ],
}


@pytest.mark.parametrize("kind", HEADS)
def test_equals_the_reference(kind: str, tmp_path: Path) -> None:
    bank = layers.Normalise().run(normal(6, 5)).astype(np.float16)
    path = tmp_path / "classifier.onnx"
    write_classifier_graph(
        path,
        backbone_graph=backbone_graph(tmp_path / "backbone.onnx"),
        taps=("stage1", "head"),
        familiar_tap="head",
        head_layers=HEADS[kind],
        temperature=1.7,
        bank=bank,
        neighbours=2,
        class_names=("a", "b", "ç"),
    )
    pixels = RANDOM.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    taps = Engine(tmp_path / "backbone.onnx").run(pixels)
    x = np.concatenate([taps["stage1"], taps["head"]])[None]
    expected = layers.softmax(layers.run(HEADS[kind], x), 1.7)[0]
    engine = Engine(path)
    outputs = engine.run(pixels)
    assert set(engine.outputs) == {"probabilities", "features", "distance"}
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(outputs["features"], taps["head"], rtol=1e-6)
    similarity = np.sort(_unit(taps["head"]) @ bank.astype(np.float32).T)[::-1]
    np.testing.assert_allclose(outputs["distance"], 1 - similarity[:2].mean(), atol=1e-5)


def test_one_tap_needs_no_joining(tmp_path: Path) -> None:
    head: Sequence[Layer] = [Affine(normal(5, 2), normal(2))]
    write_classifier_graph(
        tmp_path / "classifier.onnx",
        backbone_graph=backbone_graph(tmp_path / "backbone.onnx"),
        taps=("head",),
        familiar_tap="head",
        head_layers=head,
        temperature=1.0,
        bank=np.ones((1, 5), np.float16),
        neighbours=1,
        class_names=("a", "b"),
    )
    model = onnx.load(tmp_path / "classifier.onnx")
    assert "Concat" not in {node.op_type for node in model.graph.node}
    assert "Neg" not in {node.op_type for node in model.graph.node}, "the unused output is cut"
    assert {prop.key for prop in model.metadata_props} == {"classes"}


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)
