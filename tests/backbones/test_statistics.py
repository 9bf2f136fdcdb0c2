"""What the second graph says of a picture is what torch's own layers were given."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from headstart.backbones import from_timm  # noqa: E402
from headstart.backbones.backbone import Backbone, Tap  # noqa: E402
from headstart.backbones.building import PRETRAINING, STATISTICS  # noqa: E402
from headstart.backbones.engine import Engine  # noqa: E402
from headstart.backbones.statistics import (  # noqa: E402
    PictureStatistics,
    picture_statistics,
    pretraining,
)
from headstart.backbones.statistics_graph import write_statistics  # noqa: E402
from headstart.images.decode import read  # noqa: E402

Built = tuple[from_timm.Network, Backbone]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Built]:
    return functools.cache(lambda name: build(name, tmp_path_factory.mktemp(name)))


def build(architecture: str, folder: Path) -> Built:
    """A small random network whose running statistics are not the initial 0 and 1."""
    network = from_timm.create(architecture, None, seed=2)
    random = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(generator=random)
            module.running_var.uniform_(0.5, 2.0, generator=random)
    preprocessing = from_timm.preprocessing_of(network)
    write_statistics(network, preprocessing, folder / STATISTICS, folder / PRETRAINING)
    backbone = Backbone(
        architecture, architecture, "", True, "", preprocessing, (Tap("head", 1),), "0",
        folder / "graph.onnx",
    )  # fmt: skip
    return network, backbone


def normalised(backbone: Backbone, pixels: np.ndarray) -> "torch.Tensor":
    x = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1)
        for values in (backbone.preprocessing.mean, backbone.preprocessing.std)
    )
    return (x - mean) / std


@pytest.fixture
def picture(tmp_path: Path, draw: Callable[..., Image.Image]) -> Callable[..., Path]:
    def save(backbone: Backbone, number: int) -> Path:
        path = tmp_path / f"{number}.png"
        draw("blobs", number, backbone.preprocessing.size).save(path)
        return path

    return save


@pytest.mark.parametrize("architecture", ["test_resnet", "test_efficientnet"])
def test_means_are_those_of_the_layers_inputs(
    architecture: str, built: Callable[[str], Built], tmp_path: Path, picture: Callable[..., Path]
) -> None:
    network, backbone = built(architecture)
    found, source = picture_statistics(backbone, [picture(backbone, 0)], 1), pretraining(backbone)
    assert found is not None
    assert source is not None
    given = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_pre_hook(
                lambda _, x, name=name: given.update({name: x[0].clone()})
            )
    pixels = backbone.preprocessing.pixels(read(tmp_path / "0.png")[1])
    with torch.no_grad():
        logits = network(normalised(backbone, pixels))[0].numpy()
    assert [layer.name for layer in source.layers] == list(given)
    norms = dict(network.named_modules())
    for layer in source.layers:
        norm = norms[layer.name]
        for channel, column in enumerate(range(layer.channels.start, layer.channels.stop)):
            values = given[layer.name][0, channel].flatten().tolist()
            mean, scale = sum(values) / len(values), max(map(abs, values))
            assert abs(found.means[0, column] - mean) < 1e-3 * scale + 1e-5
            assert source.mean[column] == pytest.approx(float(norm.running_mean[channel]))
    np.testing.assert_allclose(found.logits[0], logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit"])
def test_affinity_is_the_largest_cosine(
    architecture: str, built: Callable[[str], Built], picture: Callable[..., Path]
) -> None:
    network, backbone = built(architecture)
    paths = [picture(backbone, number) for number in range(3)]
    found = picture_statistics(backbone, paths, 1)
    weight = network.get_classifier().weight.detach().numpy().astype(float)
    centre = weight.mean(0)
    for row, logit in enumerate(found.logits.astype(float)):
        # The features, from the logits: the classifier has more classes than features.
        bias = network.get_classifier().bias.detach().numpy()
        z = np.linalg.lstsq(weight, logit - bias, rcond=None)[0]
        z = z - (z @ centre) / (centre @ centre) * centre
        cosines = [
            (z @ (w - centre)) / np.linalg.norm(z) / np.linalg.norm(w - centre) for w in weight
        ]
        assert found.affinity[row] == pytest.approx(max(cosines), abs=2e-3)
    assert (found.means is None) == (architecture == "test_vit")


def test_colour_contrast_and_border_are_seen(built: Callable[[str], Built], tmp_path: Path) -> None:
    _, backbone = built("test_resnet")
    side = backbone.preprocessing.size
    flat = np.full((side, side, 3), 128, np.uint8)
    middle = flat.copy()
    middle[side // 3 : side // 2, side // 3 : side // 2] = 255
    red = flat.copy()
    red[:, :, 0] = 255
    paths = []
    for name, pixels in {"flat": flat, "middle": middle, "red": red}.items():
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(pixels).save(paths[-1])
    look = picture_statistics(backbone, paths, 1).look
    np.testing.assert_allclose(look[0], 0, atol=1e-5)
    assert look[1, 0] < 1e-5 < 0.02 < look[1, 1]
    assert look[1, 2] < 1e-5
    assert look[2, 0] == pytest.approx(127 / 255, abs=1e-4)


def test_unreadable_pictures_are_left_out(
    built: Callable[[str], Built], tmp_path: Path, picture: Callable[..., Path]
) -> None:
    _, backbone = built("test_resnet")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert len(picture_statistics(backbone, [broken, picture(backbone, 1)], 1)) == 1
    assert picture_statistics(backbone, [broken], 1) is None


def test_what_pictures_gave_is_kept(
    built: Callable[[str], Built],
    tmp_path: Path,
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, backbone = built("test_resnet")
    paths = [picture(backbone, number) for number in range(4)]
    read: list[int] = []
    run = Engine.run
    monkeypatch.setattr(Engine, "run", lambda *pixels: read.append(1) or run(*pixels))

    def statistics(paths: list[Path]) -> PictureStatistics:
        read.clear()
        return picture_statistics(backbone, paths, 1, tmp_path)

    def assert_same(one: PictureStatistics, other: PictureStatistics) -> None:
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, vars(other)[name])

    first = statistics(paths[:3])
    assert len(read) == 3
    assert_same(statistics(paths[:3]), first)
    assert not read
    plain = picture_statistics(backbone, paths[::-1], 1)
    assert_same(statistics(paths[::-1]), plain)
    assert len(read) == 1
    assert statistics(paths[:3]).means.shape == first.means.shape
    # A damaged file is as good as none.
    for part in tmp_path.rglob("part-*"):
        part.write_bytes(part.read_bytes()[:100])
    assert_same(statistics(paths[::-1]), plain)
    assert len(read) == 4


def test_the_default_backbone_comes_with_its_statistics(backbone: Backbone) -> None:
    source = pretraining(backbone)
    assert len(source.layers) == 49
    assert source.classes[0] == "tench"
    assert len(source.classes) == 1000
    assert source.layers[-1].channels.stop == len(source.mean)
    record = json.loads((backbone.graph.parent / "backbone.json").read_bytes())
    assert set(record["sha256"]) == {"graph.onnx", STATISTICS, PRETRAINING}


def test_a_graph_without_statistics_has_none(backbone: Backbone, tmp_path: Path) -> None:
    from dataclasses import replace

    assert pretraining(replace(backbone, graph=tmp_path / "classifier.onnx")) is None
