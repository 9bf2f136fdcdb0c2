"""A bundle that is damaged, edited, foreign or too new is refused, and says so."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

import headstart as hs
from headstart.errors import BundleError
from headstart.files import canonical_json, sha256
from headstart.model.bundle import ARRAYS, read_arrays, write_arrays


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy.headstart"))


def edit(folder: Path, **changes: object) -> None:
    """Change the record as a knowing person would: with a checksum that fits."""
    values = json.loads((folder / "bundle.json").read_text())
    values.update(changes)
    values["checksum"] = sha256(
        canonical_json({k: v for k, v in values.items() if k != "checksum"}).encode()
    )
    (folder / "bundle.json").write_text(json.dumps(values))


def test_an_unchanged_copy_loads(copy: Path) -> None:
    assert hs.load(copy).class_names == ("blobs", "stripes")


@pytest.mark.parametrize("part", ["classifier.onnx", "head.safetensors", "bundle.json"])
def test_a_missing_part(copy: Path, part: str) -> None:
    (copy / part).unlink()
    with pytest.raises(BundleError):
        hs.load(copy)


@pytest.mark.parametrize("part", ["classifier.onnx", "head.safetensors", "bundle.json"])
def test_a_truncated_part(copy: Path, part: str) -> None:
    whole = (copy / part).read_bytes()
    (copy / part).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BundleError, match="damaged"):
        hs.load(copy)


@pytest.mark.parametrize("part", ["classifier.onnx", "head.safetensors"])
def test_one_changed_byte(copy: Path, part: str) -> None:
    content = bytearray((copy / part).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / part).write_bytes(content)
    with pytest.raises(BundleError, match="changed after it was written"):
        hs.load(copy)


def test_what_is_no_bundle_says_what_works(shapes: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for place, fix in (
        (shapes, f"headstart fit {shapes} makes a classifier, which is to be named here"),
        (tmp_path, "name a classifier; headstart fit PICTURES makes one"),
        (tmp_path / "notes.txt", "name a classifier; headstart fit PICTURES makes one"),
        (tmp_path / "a b", f"headstart fit PICTURES --out '{tmp_path / 'a b'}'"),
    ):
        with pytest.raises(BundleError) as error:
            hs.load(place)
        assert error.value.fix.endswith(fix)


def test_an_edited_record(copy: Path) -> None:
    text = (copy / "bundle.json").read_text()
    (copy / "bundle.json").write_text(text.replace('"blobs"', '"blots"'))
    with pytest.raises(BundleError, match=r"bundle\.json was changed"):
        hs.load(copy)


def test_a_newer_format_names_the_version_to_install(copy: Path) -> None:
    edit(copy, format_version=99, versions={"headstart": "7.0"})
    with pytest.raises(BundleError, match=r"headstart>=7\.0"):
        hs.load(copy)


def test_a_foreign_record(copy: Path) -> None:
    (copy / "bundle.json").write_text('{"kind": "something else"}')
    with pytest.raises(BundleError, match="not the record of a classifier"):
        hs.load(copy)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "\x00"])
def test_a_record_that_is_none(copy: Path, content: str) -> None:
    (copy / "bundle.json").write_text(content)
    with pytest.raises(BundleError):
        hs.load(copy)


def test_a_linked_part_is_not_followed(copy: Path, tmp_path: Path) -> None:
    (copy / "classifier.onnx").rename(tmp_path / "elsewhere.onnx")
    (copy / "classifier.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="missing"):
        hs.load(copy)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no"):
        hs.load(tmp_path / "nothing")
    with pytest.raises(BundleError, match="no saved classifier"):
        hs.load(tmp_path)


def test_nothing_in_it_is_a_pickle(bundle: Path) -> None:
    suffixes = {file.suffix for file in bundle.iterdir()}
    assert suffixes == {".onnx", ".json", ".safetensors", ".html", ".csv", ".toml"}


def test_arrays_may_be_read_by_whom_the_system_lets(tmp_path: Path) -> None:
    arrays = {"x": np.arange(6, dtype=np.float16).reshape(2, 3)}
    write_arrays(tmp_path, arrays)
    (tmp_path / "beside").touch()
    assert (tmp_path / ARRAYS).stat().st_mode == (tmp_path / "beside").stat().st_mode
    np.testing.assert_array_equal(read_arrays(tmp_path)["x"], arrays["x"])


def test_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("safetensors.numpy.save_file", full)
        with pytest.raises(OSError, match="No space left"):
            write_arrays(tmp_path, {"x": np.zeros(3, np.float32)})
