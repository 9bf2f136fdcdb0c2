"""The bundle: a saved classifier as a folder of plain files, each with its checksum.

``bundle.json`` the record · ``classifier.onnx`` the graph · ``head.safetensors`` the head's
arrays · ``gallery.safetensors`` training pictures by their features (older bundles have none).
Beside them lie the proofs of the run that made it (results, receipt, report, split). Nothing in it
is ever executed.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import BundleError
from headstart.files import canonical_json, readable_json, sha256, sha256_file
from headstart.images.sniffing import READ, SNIFFED, sniff
from headstart.model.record import Record, must_be_ours

RECORD = "bundle.json"
GRAPH = "classifier.onnx"
ARRAYS = "head.safetensors"
GALLERY = "gallery.safetensors"
_PARTS = (GRAPH, ARRAYS)
_LARGEST_RECORD = 64 * 2**20
_FILES_TO_JUDGE_BY = 100


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a saved classifier."""
    return (folder / RECORD).is_file()


def write_record(folder: Path, record: Record) -> None:
    """Write ``bundle.json`` last, when every other file of the bundle is there."""
    values = record.to_json()
    values["files"] = {
        file.relative_to(folder).as_posix(): {
            "sha256": sha256_file(file),
            "bytes": file.stat().st_size,
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    values["checksum"] = _checksum(values)
    (folder / RECORD).write_text(readable_json(values), encoding="utf-8")


def write_arrays(folder: Path, arrays: dict[str, npt.NDArray[Any]], part: str = ARRAYS) -> None:
    """Write arrays by their names: the head's, or those of another part."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    path = folder / part
    path.touch()
    mode = path.stat().st_mode
    # Not `save`, which makes two copies of everything on the way; but this one makes a file that
    # only its owner may read.
    try:
        save_file({k: np.ascontiguousarray(a) for k, a in arrays.items()}, path)
    except SafetensorError as error:  # the disk is full, for one
        raise OSError(f"{path} cannot be written: {error}") from error
    path.chmod(mode)


def read_record(folder: Path) -> Record:
    """The record of a bundle whose parts are whole and unchanged.

    Raises:
        BundleError: It is missing, damaged, edited, foreign, or of a newer format.
    """
    values = _read_values(folder)
    record = Record.from_json(values, str(folder / RECORD))
    for name in _PARTS:
        _verify(folder, name, values.get("files", {}).get(name))
    return record


def has_part(folder: Path, name: str) -> bool:
    """Whether a bundle was written with this part, which is then made sure to be unchanged.

    Raises:
        BundleError: The record or the part is damaged.
    """
    expected = _read_values(folder).get("files", {}).get(name)
    if expected is not None:
        _verify(folder, name, expected)
    return expected is not None


def read_arrays(folder: Path, part: str = ARRAYS) -> dict[str, npt.NDArray[Any]]:
    """The head's arrays, or those of another part."""
    from safetensors.numpy import load_file

    return dict(load_file(folder / part))


def _read_values(folder: Path) -> dict[str, Any]:
    values = _read_json(folder)
    must_be_ours(values, str(folder / RECORD))
    if values.get("checksum") != _checksum(values):
        raise _damaged(folder, f"{RECORD} was changed after it was written")
    return values


def _read_json(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        raise BundleError(
            f"{folder} holds no saved classifier" if folder.exists() else f"there is no {folder}",
            f"a folder with {RECORD} in it, as headstart fit writes it",
            _another_way(folder),
        )
    if path.stat().st_size > _LARGEST_RECORD:
        raise _damaged(folder, f"{RECORD} is larger than any record")
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise _damaged(folder, f"{RECORD} is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise _damaged(folder, f"{RECORD} is not a record")
    return values


def _another_way(place: Path) -> str:
    """What to do where no classifier is, but perhaps pictures."""
    if not place.exists():
        return f"headstart fit PICTURES --out {shlex.quote(str(place))}"
    files = (Path(folder, name) for folder, _, names in os.walk(place) for name in names)
    if any(map(_is_picture, itertools.islice(files, _FILES_TO_JUDGE_BY))):
        make = f"headstart fit {shlex.quote(str(place))}"
        return f"these are pictures: {make} makes a classifier, which is to be named here"
    return "name a classifier; headstart fit PICTURES makes one"


def _is_picture(file: Path) -> bool:
    try:
        if not file.is_file():  # but a pipe, that would be waited for
            return False
        with file.open("rb") as opened:
            return sniff(opened.read(SNIFFED)) in READ
    except OSError:
        return False


def _verify(folder: Path, name: str, expected: Any) -> None:
    path = folder / name
    if not isinstance(expected, dict):
        raise _damaged(folder, f"{RECORD} does not know {name}")
    if path.is_symlink() or not path.is_file():
        raise _damaged(folder, f"{name} is missing")
    if path.stat().st_size != expected.get("bytes"):
        raise _damaged(
            folder,
            f"{name} has {path.stat().st_size} bytes, {expected.get('bytes')} were written",
        )
    if sha256_file(path) != expected.get("sha256"):
        raise _damaged(folder, f"{name} was changed after it was written")


def _checksum(values: dict[str, Any]) -> str:
    return sha256(canonical_json({k: v for k, v in values.items() if k != "checksum"}).encode())


def _damaged(folder: Path, what: str) -> BundleError:
    return BundleError(
        f"the classifier in {folder} is damaged: {what}",
        "every file as headstart fit wrote it",
        "copy the folder again from where it is whole, or make it again with headstart fit",
    )
