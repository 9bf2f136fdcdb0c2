"""Features as the mean over views of a picture: in the graph, and known by their own name."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from headstart.backbones import building, from_timm, loading, network_graph
from headstart.backbones.backbone import Backbone
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone, request_of
from headstart.backbones.request import Request
from headstart.backbones.torch_engine import TorchEngine
from headstart.errors import SettingError
from headstart.features.store import key_of

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def engine_of(path: Path, tta: str, architecture: str, beside: bool) -> Engine:
    request = Request(architecture, architecture, "random", "random", seed=3, input_size=64)
    network = from_timm.network_of(request)
    preprocessing = from_timm.preprocessing_of(network)
    other = (network, preprocessing) if beside else None
    graph = path / f"{tta}-{beside}.onnx"
    network_graph.write_graph(network, preprocessing, graph, beside=other, tta=tta)
    return Engine(graph)


@pytest.mark.long
@pytest.mark.parametrize("architecture", ["test_efficientnet", "test_vit"])
@pytest.mark.parametrize("beside", [False, True])
def test_features_are_the_mean_over_the_views(
    tmp_path: Path, architecture: str, beside: bool
) -> None:
    plain = engine_of(tmp_path, "none", architecture, beside)
    upright = [PIXELS, PIXELS[:, ::-1], PIXELS[::-1], PIXELS[::-1, ::-1]]
    # With their mirror images these are all four quarter turns.
    views = upright + [np.rot90(view) for view in upright]
    alone = [plain.run(np.ascontiguousarray(view)) for view in views]
    for tta, number in (("mirror", 2), ("flips", 4), ("turns", 8)):
        found = engine_of(tmp_path, tta, architecture, beside).run(PIXELS)
        assert found.keys() == alone[0].keys()
        for name, values in found.items():
            expected = np.mean([outputs[name] for outputs in alone[:number]], axis=0)
            np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4)


def test_no_picture_is_told_from_its_mirror_image(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, "mirror", "test_efficientnet", False)
    other = engine.run(np.ascontiguousarray(PIXELS[:, ::-1]))
    for name, values in engine.run(PIXELS).items():
        np.testing.assert_allclose(values, other[name], rtol=1e-4, atol=1e-5)


def test_other_views_are_other_features_of_the_same_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "build_in_child", building.build)
    plain, mirrored = (
        load_backbone("test_efficientnet", "random", cache=tmp_path, tta=tta)
        for tta in ("none", "mirror")
    )
    assert (plain.tta, mirrored.tta) == ("none", "mirror")
    assert plain.fingerprint == mirrored.fingerprint
    assert plain.graph != mirrored.graph
    assert key_of(plain) != key_of(mirrored)
    record = mirrored.to_json()
    assert Backbone.from_json(record, mirrored.graph) == mirrored
    del record["tta"]  # as before there was a choice
    assert Backbone.from_json(record, mirrored.graph).tta == "none"


def test_on_torch_they_are_the_same(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, "turns", "test_efficientnet", False)
    other = TorchEngine(tmp_path / "turns-False.onnx", engine.outputs, "cpu").run(PIXELS)
    for name, values in engine.run(PIXELS).items():
        np.testing.assert_allclose(other[name], values, rtol=1e-3, atol=1e-4)


def test_views_that_are_not_known_are_refused() -> None:
    with pytest.raises(SettingError, match="tta is 'spins'"):
        request_of("test_efficientnet", "random", 0, tta="spins")
