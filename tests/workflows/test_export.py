"""Exports predict without Headstart as the classifier does, or are not written."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import headstart as hs
from headstart.backbones.engine import has_bf16
from headstart.errors import BundleError, NotEnoughData, SettingError
from headstart.model.graph import weights_of
from headstart.workflows import export as exporting

HAS_ONNXRUNTIME = importlib.util.find_spec("onnxruntime") is not None


@pytest.fixture(scope="module")
def pictures(draw: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One of the network's size, one that is scaled, a large JPEG that is scaled as it is read."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / name for name in ("exact.png", "photo.jpg", "large.jpg")]
    draw("stripes", 90, side=256).save(paths[0])
    draw("blobs", 91, side=300).save(paths[1], quality=90)
    draw("stripes", 92, side=1100).save(paths[2], quality=90)
    return paths


def answers_of(folder: Path, pictures: list[Path]) -> list[dict[str, float]]:
    """What the exported script prints, run by itself from elsewhere."""
    command = [sys.executable, "-B", "-W", "error", folder / "predict.py", *pictures]
    done = subprocess.run(command, capture_output=True, cwd=folder.parent, check=True)
    return [json.loads(line)["probabilities"] for line in done.stdout.splitlines()]


def split_of(bundle: Path) -> list[list[str]]:
    """Rows of path, label, split, group."""
    return [line.split(",") for line in (bundle / "split.csv").read_text().splitlines()[1:]]


def must_agree(bundle: Path, folder: Path, pictures: list[Path], tolerance: float) -> None:
    expected = hs.load(bundle).predict(pictures)
    for one, answer in zip(expected, answers_of(folder, pictures), strict=True):
        assert answer == pytest.approx(dict(one.ranking), abs=tolerance), one.path


def goes_on_after_a_bad_picture(folder: Path, good: Path, cut: Path) -> None:
    cut.write_bytes(good.read_bytes()[:200])
    command = [sys.executable, "-B", folder / "predict.py", cut, good]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    bad, fine = map(json.loads, done.stdout.splitlines())
    assert (bad["label"], bool(bad["reason"]), bool(fine["label"])) == (None, True, True)


@pytest.mark.long
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_predicts_by_itself(to: str, bundle: Path, pictures: list[Path], tmp_path: Path) -> None:
    if to == "onnx" and not HAS_ONNXRUNTIME:
        pytest.skip("onnxruntime is not installed")
    exported = hs.export(bundle, to, tmp_path / "out")
    assert exported.max_difference <= 1e-5
    assert exported.checked_on == "16 drawn pictures"
    must_agree(bundle, exported.path, pictures, 1e-5)
    goes_on_after_a_bad_picture(exported.path, pictures[0], tmp_path / "cut.jpg")
    record = json.loads((exported.path / "export.json").read_text())
    assert {file.name for file in exported.path.iterdir()} == {*record["files"], "export.json"}
    assert record["max_difference"] == exported.max_difference
    assert record["accuracy"] is None


@pytest.mark.slow
@pytest.mark.parametrize("to", ["torch", "hf"])
def test_torch_predicts_by_itself(
    to: str, bundle: Path, pictures: list[Path], tmp_path: Path
) -> None:
    exported = hs.export(bundle, to, tmp_path / "out")
    assert exported.max_difference <= 1e-4
    must_agree(bundle, exported.path, pictures, 1e-4)
    assert (to == "hf") == (exported.path / "README.md").is_file()


@pytest.mark.long
def test_fewer_bits_say_what_they_cost(
    bundle: Path, shapes: Path, draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    if not has_bf16():
        pytest.skip("the processor has no bfloat16")
    fresh = draw_folder(tmp_path / "fresh", 200, stripes=5, blobs=4)
    # Copies of training pictures neither judge nor, in bfloat16, calibrate.
    for name, label, split, *_ in split_of(bundle)[:12]:
        if split == "train":
            shutil.copy(shapes / name, fresh / label)
    exported = hs.export(bundle, "openvino", tmp_path / "out", precision="bf16", pictures=fresh)
    told = exported.accuracy
    assert told is not None
    assert (told["num_images"], told["num_calibrating"]) == (9, 0)
    classifier = hs.load(bundle)
    right = [
        hs.predict(classifier, path)[0].label == path.parent.name
        for path in fresh.rglob("*_2??.png")
    ]
    assert len(right) == 9
    # The weights are those of float32, all of them.
    taken = sum(array.nbytes for array in weights_of(bundle / "classifier.onnx").values())
    assert (exported.path / "classifier.bin").stat().st_size > 0.9 * taken
    assert told["before"]["accuracy"] == pytest.approx(np.mean(right), abs=1e-6)
    low, high = told["interval"]
    assert low <= told["difference"] <= high
    assert abs(told["difference"]) * 9 <= told["changed_answers"] + 1e-6
    assert json.loads((exported.path / "export.json").read_text())["accuracy"] == told
    # In bfloat16 for certain: the answers are not to the last digit those of float32.
    assert 0 < exported.max_difference < 0.3


@pytest.mark.slow
def test_eight_bits(bundle: Path, shapes: Path, pictures: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    exported = hs.export(bundle, "openvino", tmp_path / "out", precision="int8", pictures=shapes)
    told = exported.accuracy
    assert told is not None and told["num_images"] + told["num_calibrating"] == 44
    size = (exported.path / "classifier.bin").stat().st_size
    assert size < 0.4 * (bundle / "classifier.onnx").stat().st_size
    must_agree(bundle, exported.path, pictures, 0.2)


def test_pictures_that_it_learned_from_cannot_judge(bundle: Path, shapes: Path) -> None:
    learned = bundle.parent / "learned"
    for name, label, split, *_ in split_of(bundle):
        if split == "train":
            (learned / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(shapes / name, learned / label)
    if not has_bf16():
        pytest.skip("the processor has no bfloat16")
    with pytest.raises(NotEnoughData, match="has learned from all"):
        hs.export(bundle, "openvino", precision="bf16", pictures=learned)


def test_eight_bits_need_a_picture_to_calibrate_with(
    bundle: Path, draw_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "must_have_nncf", lambda: None)
    pictures, out = draw_folder(tmp_path / "new" / "test", 300, stripes=1).parent, tmp_path / "out"
    with pytest.raises(NotEnoughData, match="all there are must judge"):
        hs.export(bundle, "openvino", out, precision="int8", pictures=pictures / "test")
    for path in draw_folder(pictures / "train", 400, stripes=2, blobs=2).rglob("*.png"):
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(NotEnoughData, match="none of 4 can be read"):
        hs.export(bundle, "openvino", out, precision="int8", pictures=pictures)
    assert not out.exists()


@pytest.mark.long
def test_what_answers_otherwise_is_not_written(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(folder: Path, *more: Any) -> None:
        write(folder, *more)
        model = onnx.load(folder / "classifier.onnx")
        for tensor in model.graph.initializer:
            if tensor.name.startswith("headstart") and not tensor.dims:
                tensor.CopyFrom(
                    numpy_helper.from_array(3 * numpy_helper.to_array(tensor), tensor.name)
                )
        onnx.save(model, folder / "classifier.onnx")

    write = exporting.formats.write_onnx
    monkeypatch.setattr(exporting.formats, "write_onnx", spoiled)
    with pytest.raises(BundleError, match="answers otherwise: by 0"):
        hs.export(bundle, "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"to": "tflite"}, "to is 'tflite'"),
        ({"to": "onnx", "precision": "f16"}, "precision is 'f16'"),
        ({"to": "onnx", "precision": "int8"}, "onnx is written in f32 only"),
        ({"to": "openvino", "precision": "int8"}, "no pictures to tell"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        hs.export("nowhere", **settings)


def test_only_an_older_export_is_replaced(bundle: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "export.json").write_text("{}")
    with pytest.raises(SettingError, match="is there already"):
        exporting._place(bundle, "onnx", place, None)
    (place / "export.json").write_text('{"kind": "headstart export"}')
    assert exporting._place(bundle, "onnx", place, None) == place
    (place / "mine.txt").touch()
    with pytest.raises(SettingError, match=r"not ours: mine\.txt"):
        exporting._place(bundle, "onnx", place, None)
    with pytest.raises(SettingError, match="inside the classifier"):
        exporting._place(bundle, "onnx", bundle / "onnx", None)
    with pytest.raises(SettingError, match="inside the pictures"):
        exporting._place(bundle, "onnx", place, tmp_path)
    assert exporting._place(bundle, "hf", None, None) == bundle.parent.resolve() / "shapes-hf"
