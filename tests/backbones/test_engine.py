from pathlib import Path

import numpy as np
import pytest

from headstart import layers
from headstart.backbones.engine import Engine, LazyEngine, has_bf16
from headstart.errors import BundleError
from headstart.model import bundle as bundles
from headstart.model.record import handed_over

pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
OUTPUTS = ("probabilities", "distance", "features")

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16")


@needs_bf16
def test_behind_the_taps_everything_is_float32(bundle: Path, backbone) -> None:
    """The classifier's graph in bf16 gives what the head gives for features made in bf16."""
    record, arrays = bundles.read_record(bundle), bundles.read_arrays(bundle)
    taps = record.head["taps"]
    features = Engine(backbone.graph, backbone.tap_names, 1, "bf16").run(pixels)
    X = np.concatenate([features[name] for name in taps])[None]
    head = layers.from_plain(record.head["layers"], arrays)
    expected = layers.softmax(layers.run(head, X), record.head["temperature"])[0]
    graph = bundle / bundles.GRAPH
    cut = Engine(graph, OUTPUTS, 1, "bf16", handed_over(taps)).run(pixels)
    np.testing.assert_allclose(cut["probabilities"], expected, atol=5e-6)
    f32 = Engine(graph, OUTPUTS, 1).run(pixels)
    assert abs(cut["distance"] - f32["distance"]) > 0
    np.testing.assert_allclose(cut["distance"], f32["distance"], atol=0.05)


def test_a_cut_changes_nothing_in_float32(bundle: Path) -> None:
    taps = handed_over(bundles.read_record(bundle).head["taps"])
    whole = Engine(bundle / bundles.GRAPH, OUTPUTS, 1).run(pixels)
    cut = Engine(bundle / bundles.GRAPH, OUTPUTS, 1, "f32", taps).run(pixels)
    for name in OUTPUTS:
        np.testing.assert_array_equal(cut[name], whole[name])


def test_a_lazy_engine_finds_damage_when_it_runs(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(b"no graph")
    engine = LazyEngine(lambda: Engine(tmp_path / "graph.onnx"))
    with pytest.raises(BundleError, match="is not a graph"):
        engine.run(pixels)
