"""What is exported answers as the classifier does, for every kind of network and of head."""

import dataclasses
import importlib.util
import json
import struct
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from headstart import layers
from headstart.backbones.blueprint import Blueprint
from headstart.backbones.engine import Engine
from headstart.errors import BundleError, SettingError
from headstart.images.decode import read
from headstart.images.preprocessing import Preprocessing
from headstart.layers import Affine, Layer, Normalise, Pool, Rectify, Root, Shift, Vote
from headstart.model import bundle, export
from headstart.model.graph import weights_of, write_classifier_graph
from headstart.model.prediction import Unsure
from headstart.model.record import Record

SIZE = 64
RANDOM = np.random.default_rng(0)
CLASSES = ("a", "b", "ç|`")


@dataclass
class Made:
    """A network of random weights as a bundle's graph, with the blueprint that timm gives."""

    folder: Path
    record: Record
    blueprint: Blueprint
    state: dict[str, np.ndarray]


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def made(
    folder: Path, architecture: str, taps: Sequence[str], head: Sequence[Layer] | None = None
) -> Made:
    from headstart.backbones import from_timm, network_graph
    from headstart.backbones.request import Request

    network = from_timm.network_of(
        Request(architecture, architecture, "random", "", input_size=SIZE)
    )
    preprocessing = from_timm.preprocessing_of(network)
    found = network_graph.write_graph(
        network, preprocessing, folder / "graph.onnx", ("average", "max")
    )
    dims = {tap["name"]: tap["dim"] for tap in found}
    dim = sum(dims[tap] for tap in taps)
    head = head or [Affine(normal(dim, 3), normal(3))]
    head = [layer(dim) if callable(layer) else layer for layer in head]
    write_classifier_graph(
        folder / bundle.GRAPH,
        backbone_graph=folder / "graph.onnx",
        taps=taps,
        familiar_tap="head",
        head_layers=head,
        temperature=0.5,
        bank=normal(4, dims["head"]).astype(np.float16),
        neighbours=2,
        class_names=CLASSES,
    )
    described, arrays = layers.to_plain(head)
    bundle.write_arrays(folder, arrays)
    record = Record(
        class_names=CLASSES,
        preprocessing=preprocessing,
        backbone={
            "architecture": architecture,
            "licence": "apache-2.0",
            "pretrained": False,
            "weights": "RANDOM",
            "taps": found,
        },
        head={"name": "one", "taps": list(taps), "temperature": 0.5, "layers": described},
        unsure=Unsure(0.6, 0.5),
        test={"accuracy": 0.9, "interval": [0.8, 0.95], "num_images": 100},
        data={"num_images": 200, "num_training_images": 100, "counts": {"a": 100, "b": 100}},
        versions={"headstart": "0"},
    )
    state = {name: one.numpy() for name, one in network.state_dict().items()}
    return Made(folder, record, Blueprint(**from_timm.blueprint_of(network)), state)


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A network whose head is linear on its last features."""
    return made(tmp_path_factory.mktemp("linear"), "test_resnet", ("head",))


def module_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An exported script, imported by its place."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# A callable is given the length of the features.
HEADS = {
    "fully connected": [
        Root(),
        lambda dim: Shift(normal(dim)),
        lambda dim: Affine(normal(dim, 8), normal(8)),
        Rectify(),
        Affine(normal(8, 3), normal(3)),
    ],
    "neighbours": [
        Normalise(),
        lambda dim: Vote(normal(9, dim), RANDOM.integers(0, 3, 9), 3, neighbours=4, sharpness=5.0),
    ],
    "ensemble": [
        Root(),
        lambda dim: Pool(
            (
                (Affine(normal(dim, 3), normal(3)),),
                (Shift(normal(7)), Normalise(), Affine(normal(7, 3), normal(3))),
            ),
            columns=((0, dim), (dim - 7, dim)),
            weights=(0.6, 1.5),
        ),
    ],
}
CASES = [
    ("test_efficientnet", ("stage3", "head"), HEADS["neighbours"]),
    ("test_efficientnet", ("stage3", "head"), HEADS["ensemble"]),
    ("test_vit2", ("stage4", "max", "head"), HEADS["fully connected"]),
]


@pytest.mark.long
@pytest.mark.parametrize(("architecture", "taps", "head"), CASES, ids=[one[0] for one in CASES])
def test_torch_answers_as_the_graph(
    architecture: str,
    taps: tuple[str, ...],
    head: list[Layer] | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    (tmp_path / "out").mkdir()
    one = made(tmp_path, architecture, taps, head)
    monkeypatch.setattr(export, "blueprint", lambda *_: one.blueprint)
    export.write_hf(tmp_path / "out", tmp_path, one.record)
    model = module_of(tmp_path / "out" / "classifier.py", monkeypatch).Classifier(tmp_path / "out")
    size = one.record.preprocessing.size
    pixels = RANDOM.integers(0, 256, (size, size, 3), dtype=np.uint8)
    expected = Engine(tmp_path / bundle.GRAPH).run(pixels)["probabilities"]
    with torch.inference_mode():
        answer = model.eval()(torch.from_numpy(pixels)[None]).numpy()[0]
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    # A classifier from before stages had their spread knows the means alone.
    x = torch.rand(1, 3, size, size)
    dims, stage = dict(model.dims), taps[0]
    with torch.inference_mode():
        now = model.features(x)
        model.dims[stage] = dims[stage] // 2
        before = model.features(x)
    assert torch.equal(before[:, : dims[stage] // 2], now[:, : dims[stage] // 2])
    assert torch.equal(before[:, dims[stage] // 2 :], now[:, dims[stage] :])
    # The weights are the network's own, not those of a graph in which layers were folded.
    theirs = model.network.state_dict()
    own = {name for name in one.state if name in theirs and not name.startswith(("head.fc", "fc"))}
    assert len(own) > 10
    for name in own:
        np.testing.assert_array_equal(theirs[name].numpy(), one.state[name], name)


def test_a_head_that_is_linear_becomes_the_networks_last_layer(
    linear: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm
    import torch

    monkeypatch.setattr(export, "blueprint", lambda *_: linear.blueprint)
    export.write_torch(tmp_path, linear.folder, linear.record)
    assert not (tmp_path / "head.safetensors").exists()
    network = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    data = timm.data.resolve_data_config({}, model=network)
    wanted = linear.record.preprocessing
    assert tuple(data["input_size"]) == (3, wanted.size, wanted.size)
    assert int(data["input_size"][1] / data["crop_pct"]) == wanted.resize
    x = torch.rand(1, 3, wanted.size, wanted.size)
    pixels = (x * 255).round().to(torch.uint8)
    mean, std = (torch.tensor(data[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        answer = network((pixels / 255 - mean) / std).softmax(1).numpy()[0]
    graph = Engine(linear.folder / bundle.GRAPH)
    expected = graph.run(pixels[0].permute(1, 2, 0).numpy())["probabilities"]
    np.testing.assert_allclose(answer, expected, atol=1e-4)
    # The script of the export says the same.
    script = module_of(tmp_path / "classifier.py", monkeypatch).Classifier(tmp_path).eval()
    with torch.inference_mode():
        answer = script(pixels.permute(0, 2, 3, 1)).numpy()[0]
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_every_kind_of_layer_is_known_to_the_torch_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export._write_scripts(tmp_path, "torch", "classifier")
    script = module_of(tmp_path / "classifier.py", monkeypatch)
    assert [kind for kind in layers._KINDS if not hasattr(script.Layer, f"run_{kind}")] == []


def test_the_torch_script_can_be_trained_through_features_that_are_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    export._write_scripts(tmp_path, "torch", "classifier")
    script = module_of(tmp_path / "classifier.py", monkeypatch)
    x = torch.tensor([[[[0.0, 0.0]], [[1.0, 3.0]]]], requires_grad=True)
    found = script.Layer({"kind": "Root"}, {})(script.mean_and_spread(x))
    assert found[0, :3].tolist() == pytest.approx([0, 2**0.5, 0], abs=1e-6)
    found.sum().backward()
    assert found.dtype == torch.float32 and script.mean_and_spread(x.half()).isfinite().all()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad[0, 1].abs().min() > 0


def test_a_graph_without_named_weights_is_refused(
    linear: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(weights_of(linear.folder / bundle.GRAPH)) <= set(linear.state)
    monkeypatch.setattr(export, "blueprint", lambda *_: linear.blueprint)
    monkeypatch.setattr(export, "weights_of", lambda _: {})
    with pytest.raises(BundleError, match=r"does not hold \d+ of"):
        export.write_torch(tmp_path, linear.folder, linear.record)


def test_two_networks_side_by_side_are_refused(linear: Made, tmp_path: Path) -> None:
    record = dataclasses.replace(linear.record, backbone={"architecture": "resnet18+vgg11"})
    with pytest.raises(SettingError, match="side by side"):
        export.write_torch(tmp_path, linear.folder, record)


def test_the_card_says_how_good_it_is_and_no_name_becomes_markup(linear: Made) -> None:
    card = export.model_card(linear.record, {}, True)
    assert card.startswith("---\nlibrary_name: timm\n")
    assert "90.0 % (95 % interval 80.0 % to 95.0 %)" in card
    assert "`ç/'`" in card and "RANDOM WEIGHTS" in card and "0.60" in card


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("scripts")
    export._write_scripts(folder, "onnx")
    (folder / "export.json").write_text('{"preprocessing": {}}')
    with pytest.MonkeyPatch.context() as patch:
        return module_of(folder / "pictures.py", patch)


def deep_png(pixels: np.ndarray) -> bytes:
    """Colour of 16 bits, its first pixel's colour transparent: Pillow writes no such file."""
    deep = (32767 * (1 + pixels)).astype(">u2")
    deep[1::2] = deep[0, 0]
    height, width = deep.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0),
        b"tRNS": deep[0, 0].tobytes(),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def saved(folder: Path, kind: str) -> Path:
    """One picture of each kind that people have."""
    height, width = (700, 1201) if kind == "large" else (90, 131)
    grid = np.mgrid[:height, :width]
    pixels = np.stack([np.sin(grid[0] / 9), np.cos(grid[1] / 7), np.sin(grid.sum(0) / 11)], 2)
    image = Image.fromarray((127 + 127 * pixels).astype(np.uint8))
    path = folder / "picture.jpg"
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(path, exif=exif)
    elif kind == "hole of 16 bits":
        path = path.with_suffix(".png")
        path.write_bytes(deep_png(pixels))
    elif kind == "transparent":
        path = path.with_suffix(".png")
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(path)
    else:
        image.convert({"gray": "L", "print": "CMYK", "palette": "P"}.get(kind, "RGB")).save(
            path := path.with_suffix(".gif" if kind == "palette" else ".jpg")
        )
    return path


@pytest.mark.parametrize(
    "kind",
    [
        *("plain", "large", "turned", "transparent", "hole of 16 bits"),
        *("gray", "print", "palette", "small"),
    ],
)
def test_the_script_reads_pictures_as_headstart_does(
    kind: str, pictures: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, resize = (150, 140) if kind == "small" else (56, 64)
    wanted = Preprocessing(size=size, resize=resize, mean=(0.0,) * 3, std=(1.0,) * 3)
    monkeypatch.setitem(pictures.RECORD, "preprocessing", wanted.to_json())
    path = saved(tmp_path, kind)
    _, picture = read(path, at_least=wanted.at_least)
    assert kind != "large" or picture.image.width < picture.width
    np.testing.assert_array_equal(pictures.pixels_of(path), wanted.pixels(picture))


@pytest.mark.parametrize("kind", ["plain", "large", "turned"])
def test_the_script_squeezes_where_nothing_is_cut_off(
    kind: str, pictures: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Preprocessing(size=56, resize=56, mean=(0.0,) * 3, std=(1.0,) * 3, crop=False)
    monkeypatch.setitem(pictures.RECORD, "preprocessing", wanted.to_json())
    path = saved(tmp_path, kind)
    _, picture = read(path, at_least=wanted.at_least)
    np.testing.assert_array_equal(pictures.pixels_of(path), wanted.pixels(picture))


def test_other_programs_are_told_that_nothing_is_cut_off(linear: Made, tmp_path: Path) -> None:
    whole = dataclasses.replace(
        linear.record.preprocessing, resize=linear.record.preprocessing.size, crop=False
    )
    record = dataclasses.replace(linear.record, preprocessing=whole)
    told = export._preprocessor(record)
    assert not told["do_center_crop"] and told["size"] == told["crop_size"]
    config = export._config(record, linear.blueprint, {})
    assert config["pretrained_cfg"]["crop_mode"] == "squash"
    assert "squeezed" in export.model_card(record, {}, True)


def test_a_network_that_was_changed_is_refused(linear: Made, tmp_path: Path) -> None:
    backbone = {**linear.record.backbone, "adjustments": ["epsilon 0.001"]}
    record = dataclasses.replace(linear.record, backbone=backbone)
    with pytest.raises(SettingError, match="epsilon"):
        export.write_torch(tmp_path, linear.folder, record)


def test_means_over_views_are_refused(linear: Made, tmp_path: Path) -> None:
    record = dataclasses.replace(linear.record, backbone={**linear.record.backbone, "tta": "flips"})
    with pytest.raises(SettingError, match="--tta flips"):
        export.write_torch(tmp_path, linear.folder, record)


def test_the_script_refuses_what_it_would_read_otherwise(
    pictures: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pictures.RECORD, "preprocessing", {"size": 8, "resize": 8})
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match="8 bits"):
        pictures.pixels_of(tmp_path / "deep.png")


def test_onnx_says_its_classes(linear: Made, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    export.write_onnx(tmp_path, linear.folder, linear.record)
    session = onnxruntime.InferenceSession(tmp_path / bundle.GRAPH)
    assert [output.name for output in session.get_outputs()] == ["probabilities"]
    kept = session.get_modelmeta().custom_metadata_map
    assert json.loads(kept["classes"]) == list(CLASSES)
    assert json.loads(kept["preprocessing"]) == linear.record.preprocessing.to_json()
