"""`headstart export`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., object]


@pytest.mark.long
def test_says_what_was_written_and_where(headstart: Run, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = headstart("export", bundle, "--to", "openvino", "--out", out, "--json")
    assert ran.code == 0
    assert ran.json["to"] == "openvino"
    assert ran.json["path"] == str(out)
    assert ran.json["max_difference"] <= 1e-5
    assert ran.json["accuracy"] is None
    assert json.loads((out / "export.json").read_text())["classes"] == ["blobs", "stripes"]
    again = headstart("export", bundle, "--to", "openvino", "--out", bundle)
    assert again.code == 2
    assert "inside the classifier" in again.complaint


def test_a_folder_without_a_classifier_is_refused(headstart: Run, tmp_path: Path) -> None:
    ran = headstart("export", tmp_path, "--to", "onnx")
    assert ran.code == 2
    assert "holds no saved classifier" in ran.complaint
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_are_not_there_are_refused(
    headstart: Run, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = headstart("export", bundle, "--to", "onnx", "--out", out, "--pictures", tmp_path / "nope")
    assert (ran.code, ran.complaint) == (2, f"there is no {tmp_path / 'nope'}")
    assert not out.exists()
