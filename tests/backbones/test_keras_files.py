"""Keras' own networks, saved by Keras, give the same numbers here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
torch = pytest.importorskip("torch")
h5py = pytest.importorskip("h5py")

from headstart.backbones import from_timm, keras_files, network_graph  # noqa: E402
from headstart.backbones.catalog import timm_name  # noqa: E402
from headstart.backbones.request import Request  # noqa: E402
from headstart.errors import MissingExtra, WeightsError  # noqa: E402

# Of Keras itself, with this numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Model = Any
KERAS_PLACES = {"VGG16": "vgg16", "VGG19": "vgg19", "InceptionV3": "inception_v3",
                "ResNet50": "resnet50", "MobileNet": "mobilenet"}  # fmt: skip


def keras_model(name: str, side: int, classes: int = 0) -> Model:
    """With random weights that keep numbers of size 1 alive to the end, and moved statistics."""
    applications = pytest.importorskip("keras.applications")
    top = {"classes": classes, "classifier_activation": None} if classes else {}
    model = getattr(applications, name)(
        weights=None, include_top=bool(classes), input_shape=(side, side, 3), **top
    )
    random = np.random.default_rng(0)
    for layer in model.layers:
        for weight in layer.weights:
            shape, kind = weight.shape, weight.path.rpartition("/")[2]
            if kind == "kernel":
                fan = np.prod(shape[:2]) if "_dw" in layer.name else np.prod(shape[:-1])
                value = random.normal(0, (2 / fan) ** 0.5, shape)
                value /= 64 if shape[2:3] == (3,) and not name.startswith(("I", "M")) else 1
            elif kind in ("gamma", "moving_variance"):
                # What a ResNet adds at every step stays small beside what is there.
                small = 0.1 if kind == "gamma" and layer.name.endswith("_3_bn") else 1
                value = small * random.uniform(0.5, 1.5, shape)
            else:
                value = random.normal(0, 0.1, shape)
            weight.assign(value.astype(np.float32))
    return model


def network_of(name: str, path: Path, side: int) -> from_timm.Network:
    return from_timm.network_of(
        Request(name, timm_name(name), str(path), path.name, input_size=side)
    )


def outputs(name: str, model: Model, network: from_timm.Network, side: int) -> tuple[Any, Any]:
    """Of both, for the same pixels, each prepared in its own way."""
    import importlib

    pixels = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    module = importlib.import_module(f"keras.applications.{KERAS_PLACES[name]}")
    preprocessing = from_timm.preprocessing_of(network)
    ours = network_graph.Normalised(network, preprocessing)
    with torch.no_grad():
        expected = model(module.preprocess_input(pixels.astype(np.float32)), training=False)
        x = ours.normalise(torch.from_numpy(pixels))
        found = network(x) if network.num_classes else network.forward_features(x)
    expected = expected.cpu().numpy()
    if expected.ndim == 4:
        expected = expected.transpose(0, 3, 1, 2)
    return expected, found.numpy()


def save(model: Model, path: Path) -> Path:
    if path.suffix == ".h5" and not path.name.endswith(".weights.h5"):
        legacy = pytest.importorskip("keras.src.legacy.saving.legacy_h5_format")
        with h5py.File(path, "w") as file:
            legacy.save_weights_to_hdf5_group(file, model)
    elif path.suffix == ".keras":
        model.save(path)
    else:
        model.save_weights(path)
    return path


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "side", "classes", "file"),
    [
        ("MobileNet", 65, 0, "notop.h5"),
        slow("MobileNet", 224, 7, "full.keras"),
        ("ResNet50", 64, 0, "notop.weights.h5"),
        slow("ResNet50", 224, 10, "full.h5"),
        slow("InceptionV3", 139, 0, "notop.h5"),
        slow("InceptionV3", 299, 10, "full.weights.h5"),
        slow("VGG16", 75, 0, "notop.keras"),
        slow("VGG16", 224, 10, "full.h5"),
        slow("VGG19", 64, 0, "notop.weights.h5"),
    ],
)
def test_outputs_are_those_of_keras(
    name: str, side: int, classes: int, file: str, tmp_path: Path
) -> None:
    model = keras_model(name, side, classes)
    path = save(model, tmp_path / file)
    network = network_of(name, path, side)
    expected, found = outputs(name, model, network, side)
    print(name, side, file, np.abs(expected).max(), np.abs(expected - found).max())
    assert 0.5 < np.abs(expected).max() < 50
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert from_timm.adjustments_of(network)
    assert from_timm.preprocessing_of(network).crop is False


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The arrays of a VGG16 without its top as Keras 2 wrote them, of nothing but zeros."""
    path = tmp_path_factory.mktemp("keras") / "vgg.h5"
    widths = [64, 64, 128, 128, *[256] * 3, *[512] * 6]
    with h5py.File(path, "w") as file:
        names = [f"conv{number}" for number in range(len(widths))]
        file.attrs["layer_names"] = [name.encode() for name in ["input_1", *names]]
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for name, before, after in zip(names, [3, *widths], widths, strict=False):
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/W:0".encode(), f"{name}/b:0".encode()]
            group[f"{name}/W:0"] = np.zeros((3, 3, before, after), np.float32)
            group[f"{name}/b:0"] = np.zeros(after, np.float32)
    return path


def edited(source: Path, place: Path, edit: Callable[[Any], None]) -> Path:
    path = place / source.name
    path.write_bytes(source.read_bytes())
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def refused(path: Path, name: str = "VGG16") -> WeightsError:
    with pytest.raises(WeightsError) as wrong:
        network_of(name, path, 64)
    assert wrong.value.expected
    assert wrong.value.fix
    return wrong.value


def test_a_file_of_another_network(vgg: Path) -> None:
    assert "13 convolutions: that is not 'vgg19'" in refused(vgg, "VGG19").what
    assert "not read for 'resnet18'" in refused(vgg, "resnet18").what


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04nothing"])
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_damaged_file(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    assert "cannot read Keras weights" in refused(path, "MobileNet").what


def test_a_file_cut_short(vgg: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.h5"
    path.write_bytes(vgg.read_bytes()[:1_000_000])
    assert "cannot read Keras weights" in refused(path).what


def test_a_shape_that_does_not_fit(vgg: Path, tmp_path: Path) -> None:
    def widen(file: Any) -> None:
        del file["conv3/conv3/b:0"]
        file["conv3/conv3/b:0"] = np.zeros(129, np.float32)

    assert "the bias of features.7 is (129,)" in refused(edited(vgg, tmp_path, widen)).what


def test_a_layer_that_these_networks_do_not_have(vgg: Path, tmp_path: Path) -> None:
    def add(file: Any) -> None:
        del file["conv3/conv3/W:0"]
        file["conv3/conv3/W:0"] = np.zeros((2, 2, 2), np.float32)

    assert "layer 'conv3' is none" in refused(edited(vgg, tmp_path, add)).what


def test_values_that_are_not_in_the_file(vgg: Path, tmp_path: Path) -> None:
    """A shape of four terabytes without a number behind it; a link to another file."""

    def claim(file: Any) -> None:
        del file["conv3/conv3/W:0"]
        file.create_dataset("conv3/conv3/W:0", (3, 3, 10**6, 10**5), "f4", chunks=(3, 3, 64, 64))

    def link(file: Any) -> None:
        del file["conv3/conv3/W:0"]
        file["conv3/conv3/W:0"] = h5py.ExternalLink(str(vgg), "conv3/conv3/W:0")

    for edit in (claim, link):
        assert "are not in the file itself" in refused(edited(vgg, tmp_path, edit)).what


def test_a_resnet_of_old_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"res2a_branch2a"]
    assert "before 2.2.5" in refused(path, "ResNet50").what


def test_without_h5py_the_extra_is_named(vgg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r"\.\[keras\]"):
        keras_files.read(vgg)
