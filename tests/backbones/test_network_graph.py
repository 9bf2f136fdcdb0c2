"""The graph gives what torch gives, whatever the architecture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headstart.backbones import from_timm, network_graph  # noqa: E402
from headstart.backbones.engine import Engine  # noqa: E402


@pytest.mark.parametrize(
    ("architecture", "taps"),
    [
        ("test_resnet", 4),
        ("test_vit", 4),
        ("test_efficientnet", 4),
        ("test_mambaout", 4),
        ("mobilenetv3_small_050", 4),
    ],
)
def test_graph_equals_torch(architecture: str, taps: int, tmp_path: Path) -> None:
    network = from_timm.create(architecture, None, seed=3)
    preprocessing = from_timm.preprocessing_of(network)
    if architecture.startswith("mobilenet"):
        preprocessing = replace(preprocessing, size=96, resize=96)
    found = network_graph.write_graph(network, preprocessing, tmp_path / "graph.onnx")
    assert found[-1]["name"] == "head"
    assert len(found) == taps + 1
    side = preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    outputs = Engine(tmp_path / "graph.onnx").run(pixels)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std).view(1, 3, 1, 1)
    with torch.no_grad():
        logits = network((x - mean) / std)[0].numpy()
        head = network.forward_head(network.forward_features((x - mean) / std), pre_logits=True)
    np.testing.assert_allclose(outputs["logits"], logits, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(outputs["head"], head[0].numpy(), rtol=1e-3, atol=1e-4)
    for tap in found:
        assert outputs[tap["name"]].shape == (tap["dim"],)


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_mambaout"])
def test_a_tap_is_mean_and_spread_over_positions(architecture: str, tmp_path: Path) -> None:
    network = from_timm.create(architecture, None, seed=0)
    preprocessing = from_timm.preprocessing_of(network)
    taps = network_graph.write_graph(network, preprocessing, tmp_path / "graph.onnx")
    side = preprocessing.size
    pixels = np.full((side, side, 3), 90, np.uint8)
    pixels[: side // 2] = 200
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    x = (x - torch.tensor(preprocessing.mean).view(1, 3, 1, 1)) / torch.tensor(
        preprocessing.std
    ).view(1, 3, 1, 1)
    with torch.no_grad():
        stages = network.forward_intermediates(x, intermediates_only=True)
    outputs = Engine(tmp_path / "graph.onnx").run(pixels)
    last = taps[-2]
    mean, spread = np.split(outputs[last["name"]], 2)
    np.testing.assert_allclose(mean, stages[-1].mean((2, 3))[0].numpy(), rtol=1e-3, atol=1e-4)
    found = stages[-1].std((2, 3), correction=0)[0].numpy()
    np.testing.assert_allclose(spread, found, rtol=1e-3, atol=1e-4)
    assert found.max() > 0.01


def test_spread_of_tokens_and_of_what_does_not_vary() -> None:
    tokens = torch.stack([torch.full((1, 5), 3e3), torch.arange(5.0)[None]], 2)
    mean, spread = network_graph._mean_and_spread(tokens)[0].split(2)
    assert mean.tolist() == [3e3, 2] and spread.tolist() == [0, pytest.approx(2**0.5)]


def test_weights_without_a_classifier_give_a_graph_without_logits(tmp_path: Path) -> None:
    state = from_timm.create("test_resnet", None, seed=5).state_dict()
    bare = {k: v for k, v in state.items() if not k.startswith("fc.")}
    network = from_timm.create("test_resnet", bare, seed=0)
    taps = network_graph.write_graph(
        network, from_timm.preprocessing_of(network), tmp_path / "graph.onnx"
    )
    assert Engine(tmp_path / "graph.onnx").outputs == tuple(tap["name"] for tap in taps)
