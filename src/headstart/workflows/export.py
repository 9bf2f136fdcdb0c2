"""A saved classifier in the format of others, checked before it is put in place."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import Engine, has_bf16
from headstart.backbones.intermediate import must_have_nncf
from headstart.backbones.request import PLAIN
from headstart.datasets.options import ReadOptions
from headstart.errors import BundleError, DatasetError, NotEnoughData, SettingError
from headstart.files import (
    folder_written_whole,
    must_be_writable,
    readable_json,
    sha256_file,
)
from headstart.model import bundle
from headstart.model import export as formats
from headstart.model.record import Record, handed_over
from headstart.progress import Progress, Silent
from headstart.randomness import generator
from headstart.unusable import Unusable
from headstart.workflows.export_accuracy import Lot, Pixels, compared, lot_of, pixels_of
from headstart.workflows.predict import expand, must_be_there
from headstart.workflows.recipe import Recipe, recipe_of

PRECISIONS = ("f32", "bf16", "int8")
_FORMAT_VERSION = 1
_TOLERANCE = 1e-3
_CHECKED = 16
# All that an export's folder may hold when it is replaced.
_FILES = (
    *("export.json", "predict.py", "pictures.py", "classifier.py", "README.md"),
    *("classifier.onnx", "classifier.xml", "classifier.bin", "config.json"),
    *("model.safetensors", "head.safetensors", "preprocessor_config.json"),
    *("__pycache__", ".DS_Store"),
)
# One thread: a few pictures are sooner done than several are woken.
_ALONE = {"PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
# What `predict.py` answers, in a process of its own: it may bring torch.
_ASK = """\
import runpy, sys
import numpy
sys.path.insert(0, sys.argv[1])
script = runpy.run_path(sys.argv[1] + "/predict.py")
answers = [script["probabilities"](one[None])[0] for one in numpy.load(sys.argv[2])]
numpy.save(sys.argv[3], numpy.stack(answers))
"""


@dataclass(frozen=True, eq=False)
class Exported:
    """What was written.

    Args:
        to: The format.
        path: The folder.
        precision: What it computes with.
        max_difference: Largest difference in a probability from the classifier's own.
        checked_on: Which pictures that was measured on, in words.
        accuracy: In fewer bits, what that costs; None where the answers are the same.
        unusable: Of the user's pictures.
    """

    to: str
    path: Path
    precision: str
    max_difference: float
    checked_on: str
    accuracy: dict[str, Any] | None
    unusable: tuple[Unusable, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What ``headstart export --json`` prints."""
        return {
            "to": self.to,
            "path": str(self.path),
            "precision": self.precision,
            "max_difference": self.max_difference,
            "checked_on": self.checked_on,
            "accuracy": self.accuracy,
            "unusable": [vars(row) for row in self.unusable],
        }


def export(
    bundle: str | os.PathLike[str],
    to: str,
    out: str | os.PathLike[str] | None = None,
    *,
    precision: str = "f32",
    pictures: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Exported:
    """Write a saved classifier in a format that needs no Headstart.

    Args:
        bundle: The folder that `fit` wrote.
        to: ``"onnx"``, ``"openvino"``, ``"torch"`` or ``"hf"`` (a folder for the Hugging Face hub).
        out: Where to; None: beside the bundle.
        precision: ``"f32"``; for openvino also ``"bf16"`` and ``"int8"``.
        pictures: What the export is checked on; None: drawn ones. For fewer bits they must be
            labelled, and pictures must be among them that the classifier has not learned from.
        progress: Told what happens.
        **settings: The fields of `Recipe` that say how labelled pictures are read.

    Raises:
        BundleError: The classifier is missing or damaged, or the export answers otherwise.
        SettingError: A setting is wrong, or something else stands in the place.
        MissingExtra: ``int8`` without nncf.
        DatasetError: The pictures are not there, or cannot be understood.
        NotEnoughData: There are too few pictures to tell what fewer bits cost, or to make them.
    """
    source = Path(bundle).expanduser()
    given = None if pictures is None else Path(pictures).expanduser()
    return run_export(source, to, out, precision, given, recipe_of(settings), progress)


def run_export(
    source: Path,
    to: str,
    out: str | os.PathLike[str] | None,
    precision: str,
    pictures: Path | None,
    recipe: Recipe,
    progress: Progress | None = None,
) -> Exported:
    """`export`, with all settings in one."""
    progress = progress or Silent()
    _must_go_together(to, precision, pictures)
    _must_have_effect(precision, recipe)
    record = bundle.read_record(source)
    if pictures is not None:
        must_be_there(pictures)
    place = _place(source, to, out, pictures)
    must_be_writable(place)
    lot = None
    if precision != "f32":
        assert pictures is not None
        calibrates = precision == "int8"
        lot = lot_of(source, record.class_names, pictures, recipe, calibrates=calibrates)
    pixels, words = _pixels(record, pictures, lot, recipe.seed)
    progress.say(f"writing {to}, {precision}")
    with folder_written_whole(place) as folder:
        _write(folder, source, record, to, precision, lot)
        told = _record(record, to, precision)
        (folder / formats.RECORD).write_text(readable_json(told))
        # A classifier that itself computes in bfloat16 differs by that: it is said, not refused.
        is_exact = precision == record.backbone.get("precision", "f32") == "f32"
        difference = _difference(folder, source, record, to, pixels, is_exact=is_exact)
        progress.say(f"checked on {words}: probabilities differ by {difference:.1g} at most")
        accuracy = None
        if lot is not None:
            before = _own_engine(source, record, recipe.threads)
            graph, hint = folder / formats.INTERMEDIATE, "bf16" if precision == "bf16" else "f32"
            after = Engine(graph, ("probabilities",), recipe.threads, hint)
            accuracy = compared(before, after, lot, record.preprocessing, progress)
        exported = Exported(
            to, place, precision, difference, words, accuracy, lot.unusable if lot else ()
        )
        told |= {
            "max_difference": difference,
            "checked_on": words,
            "accuracy": accuracy,
            "files": {file.name: sha256_file(file) for file in sorted(folder.iterdir())},
        }
        del told["files"][formats.RECORD]
        (folder / formats.RECORD).write_text(readable_json(told))
    return exported


def _must_go_together(to: str, precision: str, pictures: Path | None) -> None:
    if to not in formats.FORMATS:
        raise SettingError(
            f"to is {to!r}", f"one of {', '.join(formats.FORMATS)}", "change it (--to)"
        )
    if precision not in PRECISIONS:
        raise SettingError(
            f"precision is {precision!r}", f"one of {', '.join(PRECISIONS)}", "change --precision"
        )
    if precision == "f32":
        return
    if to != "openvino":
        raise SettingError(
            f"precision {precision} was asked for, and {to} is written in f32 only",
            "openvino for fewer bits",
            "export --to openvino, or leave --precision out",
        )
    if pictures is None:
        raise SettingError(
            f"precision {precision} changes answers, and there are no pictures to tell how many",
            "labelled pictures, some of which the classifier has not learned from",
            "--pictures PICTURES",
        )
    if precision == "int8":
        must_have_nncf()
    elif not has_bf16():
        raise SettingError(
            "precision bf16 was asked for, and this processor cannot show what it costs",
            "a processor with AVX512_BF16 or AMX",
            "export on such a machine, or leave --precision out",
        )


def _must_have_effect(precision: str, recipe: Recipe) -> None:
    if precision == "f32" and recipe.read_options != ReadOptions():
        raise SettingError(
            "settings say how labels are found, but f32 needs no labels",
            "settings that have an effect",
            "leave them out",
        )


def _place(
    source: Path, to: str, out: str | os.PathLike[str] | None, pictures: Path | None
) -> Path:
    """Where the export goes: where the user said, else beside the bundle.

    Raises:
        SettingError: Something else stands there, or one lies inside the other.
    """
    named = Path(os.path.abspath(source))  # noqa: PTH100
    beside = named.parent / f"{named.name.removesuffix('.headstart')}-{to}"
    place = (Path(out).expanduser() if out else beside).resolve()
    for inside, what in ((source, "the classifier"), (pictures, "the pictures")):
        if inside is not None and inside.is_dir() and place.is_relative_to(inside.resolve()):
            raise SettingError(
                f"the export would be written to {place}, inside {what}",
                "a place of its own",
                f"--out {beside}",
            )
    if place.exists():
        _may_be_replaced(place)
    return place


def _may_be_replaced(place: Path) -> None:
    """Only an empty folder, or an older export to which nobody has added anything."""
    names = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else [place.name]
    foreign = [name for name in names if name not in _FILES]
    if names and (foreign or not _is_export(place)):
        what = f", and would take with it what is not ours: {foreign[0]}" if foreign else ""
        raise SettingError(
            f"{place} is there already{what}",
            "a new place, or an older export as it was written",
            "choose another place with --out FOLDER",
        )


def _is_export(place: Path) -> bool:
    try:
        return bool(json.loads((place / formats.RECORD).read_bytes())["kind"] == formats.KIND)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _pixels(
    record: Record, pictures: Path | None, lot: Lot | None, seed: int
) -> tuple[Pixels, str]:
    """uint8 [N, size, size, 3] to compare answers on, and what they are in words."""
    if pictures is None:
        drawn = _drawn(record.preprocessing.size, seed)
        return drawn, f"{len(drawn)} drawn pictures"
    paths = list(lot.held) if lot else [Path(path) for path in expand([pictures])]
    some = np.unique(np.linspace(0, len(paths) - 1, min(_CHECKED, len(paths))).astype(np.int64))
    found = pixels_of((paths[row] for row in some), record.preprocessing)
    if not found:
        raise DatasetError(
            f"none of the {len(some)} pictures tried in {pictures} can be used",
            "pictures that can be decoded",
            f"headstart check {pictures}",
        )
    return np.stack(found), f"{len(found)} of the pictures in {pictures}"


def _drawn(size: int, seed: int) -> Pixels:
    """Blots of every coarseness, from two across to one a pixel."""
    random = generator(seed, "drawn pictures")
    drawn = []
    for blots in np.geomspace(2, size, _CHECKED).astype(np.int64):
        colours = random.integers(0, 256, (blots, blots, 3), dtype=np.uint8)
        nearest = np.arange(size) * blots // size
        drawn.append(colours[nearest][:, nearest])
    return np.stack(drawn)


def _write(
    folder: Path, source: Path, record: Record, to: str, precision: str, lot: Lot | None
) -> None:
    if to == "openvino":
        shown = pixels_of(lot.calibrating, record.preprocessing) if lot else []
        if precision == "int8" and not shown:
            raise _nothing_calibrates(lot)
        return formats.write_openvino(folder, source, record, np.stack(shown) if shown else None)
    writers = {
        "onnx": formats.write_onnx,
        "torch": formats.write_torch,
        "hf": formats.write_hf,
    }
    return writers[to](folder, source, record)


def _nothing_calibrates(lot: Lot | None) -> NotEnoughData:
    number = len(lot.calibrating) if lot else 0
    return NotEnoughData(
        "int8 needs pictures that show the ranges of the network's numbers: "
        + (f"none of {number} can be read" if number else "all there are must judge"),
        "pictures that can be read, of two groups or more",
        "give more pictures with --pictures",
    )


def _record(record: Record, to: str, precision: str) -> dict[str, Any]:
    return {
        "kind": formats.KIND,
        "format_version": _FORMAT_VERSION,
        "to": to,
        "precision": precision,
        "classes": list(record.class_names),
        "preprocessing": record.preprocessing.to_json(),
        "backbone": {
            name: record.backbone[name]
            for name in ("name", "architecture", "weights", "pretrained", "licence", "fingerprint")
        }
        | {
            "precision": record.backbone.get("precision", "f32"),
            "tta": record.backbone.get("tta", PLAIN),
        },
        "head": {name: record.head[name] for name in ("name", "taps")},
        "unsure": {"ambiguous_below": record.unsure.ambiguous_below},
        "test": record.test,
        "data": record.data,
        "versions": record.versions,
    }


def _difference(
    folder: Path, source: Path, record: Record, to: str, pixels: Pixels, *, is_exact: bool
) -> float:
    """Largest difference in a probability between the classifier and the exported script.

    Raises:
        BundleError: It is larger than rounding explains, or the script fails.
    """
    engine = _own_engine(source, record)
    expected = np.stack([engine.run(one)["probabilities"] for one in pixels])
    if to == "onnx" and importlib.util.find_spec("onnxruntime") is None:
        own = Engine(folder / bundle.GRAPH)
        answers = np.stack([own.run(one)["probabilities"] for one in pixels])
    else:
        answers = _asked(folder, to, pixels)
    difference = float(np.abs(answers - expected).max())
    if not np.isfinite(difference) or (is_exact and difference > _TOLERANCE):
        raise BundleError(
            f"exported to {to}, the classifier answers otherwise: by {difference:.2g} in "
            "probability",
            f"a difference of at most {_TOLERANCE}",
            "export it to another format (--to onnx), and please report this",
        )
    return float(f"{difference:.2g}")


def _asked(folder: Path, to: str, pixels: Pixels) -> npt.NDArray[np.float32]:
    """What the exported script itself answers."""
    asked, answered = folder / "asked.npy", folder / "answered.npy"
    np.save(asked, pixels)
    try:
        command = [sys.executable, "-P", "-c", _ASK, *map(os.fspath, (folder, asked, answered))]
        child = subprocess.run(command, capture_output=True, check=False, env=os.environ | _ALONE)
        if child.returncode != 0:
            said = child.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise BundleError(
                f"exported to {to}, the classifier does not run: {said[-1]}",
                "a script that predicts by itself",
                "export it to another format (--to onnx), and please report this",
            )
        answers: npt.NDArray[np.float32] = np.load(answered)
        return answers
    finally:
        asked.unlink()
        answered.unlink(missing_ok=True)


def _own_engine(source: Path, record: Record, threads: int | None = None) -> Engine:
    """What the classifier itself answers with, in its own precision."""
    precision = record.backbone.get("precision", "f32")
    exact = handed_over(record.head["taps"], record.head.get("familiar_tap", "head"))
    return Engine(source / bundle.GRAPH, ("probabilities",), threads, precision, exact)
