import shutil
from pathlib import Path

import numpy as np
import pytest

from headstart.backbones import building
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.backbones.reading import read_through
from headstart.errors import BundleError, WeightsError


def test_the_default_needs_no_network_and_names_its_taps(cache: Path) -> None:
    backbone = load_backbone(cache=cache)
    assert [(tap.name, tap.dim) for tap in backbone.taps] == [
        ("stage3", 80),
        ("stage4", 160),
        ("stage5", 224),
        ("stage6", 384),
        ("stage7", 640),
        ("head", 1280),
    ]
    assert backbone.preprocessing.mean == (127.0, 127.0, 127.0)
    assert backbone.preprocessing.std == (128.0, 128.0, 128.0)
    assert (backbone.preprocessing.resize, backbone.preprocessing.size) == (256, 224)
    assert backbone.licence == "apache-2.0"
    assert backbone.pretrained
    assert load_backbone(cache=cache) == backbone


@pytest.mark.long
def test_the_pretrained_weights_and_the_preprocessing_are_right(data: Path, cache: Path) -> None:
    """A picture of every second ImageNet class, named in class order; right ones give 86 %."""
    backbone = load_backbone(cache=cache)
    engine = Engine(backbone.graph, ("logits",))
    paths = sorted((data / "imagenet-1perclass").iterdir())[::2]
    logits = [
        outcome.outputs["logits"]
        for outcome in read_through(paths, engine, backbone.preprocessing)
        if outcome.outputs
    ]
    right = np.argmax(logits, axis=1) == np.arange(0, 1000, 2)
    assert right.mean() >= 0.85


@pytest.mark.parametrize("damage", ["cut", "edited", "no record"])
def test_a_damaged_graph_is_built_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    whole = load_backbone(cache=cache).graph
    built = []

    def copy(_: object, folder: Path) -> None:
        built.append(shutil.copytree(whole.parent, folder, dirs_exist_ok=True))

    monkeypatch.setattr("headstart.backbones.loading.fill_in", lambda *_: False)
    monkeypatch.setattr("headstart.backbones.loading.build_in_child", copy)
    graph = load_backbone(cache=tmp_path).graph
    load_backbone(cache=tmp_path)
    assert len(built) == 1
    content = graph.read_bytes()
    if damage == "no record":
        (graph.parent / "backbone.json").write_text("[]")
    else:
        graph.write_bytes(content[:-1] if damage == "cut" else content[:-1] + b"x")
    assert load_backbone(cache=tmp_path).graph.read_bytes() == content
    assert len(built) == 2


@pytest.mark.long
def test_random_weights_are_seeded_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_backbone("test_efficientnet", "random", cache=tmp_path / "a", seed=1)
    assert not first.pretrained
    assert "RANDOM" in first.weights
    # Once as always, in a child; the next two in this process give the same and another.
    monkeypatch.setattr("headstart.backbones.loading.build_in_child", building.build)
    again, other = (
        load_backbone("test_efficientnet", "random", cache=tmp_path / "b", seed=seed)
        for seed in (1, 2)
    )
    assert again.fingerprint == first.fingerprint
    assert other.fingerprint != first.fingerprint


def test_a_weights_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        load_backbone("resnet18", tmp_path / "missing.pth", cache=tmp_path)


@pytest.mark.usefixtures("built_here")
def test_a_damaged_weights_file(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!")
    with pytest.raises(WeightsError, match="cannot read weights"):
        load_backbone("test_resnet", tmp_path / "bad.safetensors", cache=tmp_path)
    assert not list((tmp_path / "graphs").iterdir())


@pytest.mark.long
def test_without_a_network_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with pytest.raises(WeightsError, match="--weights FILE"):
        load_backbone("resnet18", cache=tmp_path)


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(BundleError, match="not a graph"):
        Engine(tmp_path / "graph.onnx")
