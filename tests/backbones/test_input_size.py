"""Any size of pictures that a network can take, and what is made of its final feature map."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headstart.backbones import from_timm, network_graph  # noqa: E402
from headstart.backbones.building import PRETRAINING, RECORD, STATISTICS, build  # noqa: E402
from headstart.backbones.engine import Engine  # noqa: E402
from headstart.backbones.loading import request_of  # noqa: E402
from headstart.backbones.request import POOLINGS, Request  # noqa: E402
from headstart.errors import SettingError  # noqa: E402


def network(architecture: str, size: int | None) -> from_timm.Network:
    request = Request(architecture, architecture, "random", "random", seed=3, input_size=size)
    return from_timm.network_of(request)


@pytest.mark.parametrize(
    ("architecture", "size"), [("test_vit", 96), ("test_resnet", 75), ("test_efficientnet", 33)]
)
def test_the_final_feature_map_in_the_order_of_keras(
    architecture: str, size: int, tmp_path: Path
) -> None:
    found = network(architecture, size)
    preprocessing = from_timm.preprocessing_of(found)
    assert preprocessing.size == size
    path = tmp_path / "graph.onnx"
    taps = network_graph.write_graph(found, preprocessing, path, tuple(POOLINGS))
    assert [tap["name"] for tap in taps[-3:]] == ["max", "flat", "head"]
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    outputs = Engine(path).run(pixels)
    mean, std = (np.array(each, np.float32) for each in (preprocessing.mean, preprocessing.std))
    x = torch.from_numpy((pixels - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        last = found.forward_features(x)[0].numpy()
    if last.ndim == 2:  # the first token stands for no place
        places = list(last[1:])
    else:
        _, height, width = last.shape
        places = [last[:, row, column] for row in range(height) for column in range(width)]
    np.testing.assert_allclose(outputs["flat"], np.concatenate(places), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(outputs["max"], np.max(places, axis=0), rtol=1e-3, atol=1e-4)


def test_position_embeddings_are_resampled() -> None:
    native, larger = network("test_vit", None), network("test_vit", 224)
    assert larger.pos_embed.shape[1] - 1 == (224 // 16) ** 2
    places = native.pos_embed[:, 1:].reshape(1, 10, 10, -1).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(
        places, (14, 14), mode="bicubic", antialias=True, align_corners=False
    )
    found = larger.pos_embed[:, 1:].reshape(1, 14, 14, -1).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, expected)


def test_vgg_without_its_fully_connected_layers() -> None:
    """At 150 pixels the final map is 4 x 4 x 512 and no layer of 7 x 7 fits it."""
    found = network("vgg11", 150)
    assert found.num_classes == 0
    x = torch.rand(1, 3, 150, 150)
    with torch.no_grad():
        last = found.forward_features(x)
        head = found.forward_head(last, pre_logits=True)
    assert last.shape == (1, 512, 4, 4)
    torch.testing.assert_close(head, last)


@pytest.mark.parametrize(
    ("architecture", "size", "expected"),
    [
        ("mixer_s32_224", 160, "exactly 224"),
        ("test_resnet", 31, "32 or more"),
        ("inception_v3", 74, "a larger size"),
    ],
)
def test_a_size_that_a_network_cannot_take(architecture: str, size: int, expected: str) -> None:
    with pytest.raises(SettingError, match=f"{architecture} cannot take") as wrong:
        network(architecture, size)
    assert expected in wrong.value.expected


def test_size_and_pooling_are_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The statistics have no part in it, and take as long to write as the graph.
    monkeypatch.setattr(
        "headstart.backbones.statistics_graph.write_statistics",
        lambda *_: [(tmp_path / name / file).touch() for file in (STATISTICS, PRETRAINING)],
    )
    records = {}
    for name, more in {
        "plain": {},
        "native": {"input_size": 160},
        "small": {"input_size": 64},
        "max": {"pooling": ("max",)},
    }.items():
        (tmp_path / name).mkdir()
        build(request_of("test_resnet", "random", 0, **more), tmp_path / name)
        records[name] = json.loads((tmp_path / name / RECORD).read_bytes())
    fingerprints = {name: record["fingerprint"] for name, record in records.items()}
    assert fingerprints.pop("plain") == fingerprints["native"]
    assert len(set(fingerprints.values())) == 3
    assert records["small"]["preprocessing"]["size"] == 64


def test_pooling_has_one_spelling() -> None:
    one, other = (
        request_of("resnet18", "random", 0, pooling=ways)
        for ways in (("flatten", "max"), ("max", "average", "flatten"))
    )
    assert one == other
    with pytest.raises(SettingError, match="pooling is 'median'"):
        request_of("resnet18", "random", 0, pooling=("median",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        ("vgg16", None),
        ("vgg19", 150),
        ("resnet50", None),
        ("resnet101", 160),
        ("resnet152", 128),
        ("resnet200", 128),
        ("inception_v3", 150),
        ("inception_resnet_v2", 150),
        ("mobilenetv1_100", 150),
        ("mobilenetv2_100", 150),
        ("mobilenetv3_large_100", 150),
        ("densenet121", 150),
        ("legacy_xception", 150),
        ("efficientnet_b0", 150),
        ("vit_tiny_patch16_224", 160),
        ("swin_tiny_patch4_window7_224", 256),
        ("convnext_tiny", 150),
    ],
)
def test_the_classics_give_what_torch_gives(
    architecture: str, size: int | None, tmp_path: Path
) -> None:
    found = network(architecture, size)
    preprocessing = from_timm.preprocessing_of(found)
    path = tmp_path / "graph.onnx"
    network_graph.write_graph(found, preprocessing, path, tuple(POOLINGS))
    side = preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    outputs = Engine(path).run(pixels)
    with torch.no_grad():
        x = network_graph.Normalised(found, preprocessing).normalise(torch.from_numpy(pixels)[None])
        last = found.forward_features(x)
        head = found.forward_head(last, pre_logits=True)
    head = head.mean((2, 3)) if head.ndim == 4 else head
    if last.ndim == 3:
        last = last[:, found.num_prefix_tokens :]
    elif not architecture.startswith("swin"):
        last = last.permute(0, 2, 3, 1)
    for name, expected in {"head": head, "flat": last.flatten(1)}.items():
        expected = expected[0].numpy()
        largest = np.abs(expected).max()
        assert largest > 0
        np.testing.assert_allclose(outputs[name] / largest, expected / largest, atol=1e-3)
