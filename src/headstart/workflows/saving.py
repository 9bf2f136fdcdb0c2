"""A trained head and its proofs, written as one bundle: whole or not at all."""

from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import headstart
from headstart import layers
from headstart.backbones.devices import CPU, engine_on
from headstart.backbones.reading import read_through
from headstart.datasets.splitting import write_split
from headstart.errors import SettingError
from headstart.feature_rows import Selected
from headstart.files import canonical_json, readable_json, sha256
from headstart.model import bundle, training_pictures
from headstart.model.gallery import Gallery, write_gallery
from headstart.model.graph import write_classifier_graph
from headstart.model.record import Record, handed_over
from headstart.reports.audit import Audit, DoubtedLabel, LookAlikes, UnlikePicture
from headstart.unusable import Unusable
from headstart.workflows.abstaining import expected_of
from headstart.workflows.preparing import Prepared
from headstart.workflows.training import Trained

_CHECKED_PICTURES = 16
_RESULTS, _RECEIPT, _REPORT = "results.json", "receipt.json", "report.html"
_SPLIT, _UNREADABLE, _METRICS = "split.csv", "unreadable.csv", "metrics.jsonl"
_LABEL_ISSUES, _OUTLIERS, _LOOK_ALIKES = "label_issues.csv", "outliers.csv", "look_alikes.csv"
RECIPE, CURVES, CODES = "recipe.toml", "curves.csv", "codes.npz"
# All that a bundle's folder may hold when it is replaced; the last is the file browser's.
_FILES = (
    *(bundle.RECORD, bundle.GRAPH, bundle.ARRAYS, bundle.GALLERY),
    *(_RESULTS, _RECEIPT, _REPORT, _SPLIT, _UNREADABLE, _METRICS),
    *(_LABEL_ISSUES, _OUTLIERS, _LOOK_ALIKES, RECIPE, CURVES, CODES, ".DS_Store"),
)
_TOLERANCE = 1e-3


def _test(results: dict[str, Any]) -> dict[str, Any]:
    """The figures that go with the classifier wherever it goes."""
    test = {name: results[name] for name in ("accuracy", "interval", "num_images")}
    clean = results["without_leakage"]
    return test if clean is None else {**test, "without_leakage": clean}


def bundle_place(pictures: Path, out: str | os.PathLike[str] | None) -> Path:
    """Where the bundle goes: where the user said, else beside the pictures.

    Raises:
        SettingError: Something else stands there, or one lies inside the other.
    """
    # As it was named: a link to the pictures may point to where nothing can be written.
    named = Path(os.path.abspath(pictures.expanduser()))  # noqa: PTH100
    name = f"{named.stem if named.is_file() else named.name}.headstart"
    place = (Path(out).expanduser() if out else named.parent / name).resolve()
    source = named.resolve()
    if source.is_dir() and place.is_relative_to(source):
        raise SettingError(
            f"the bundle would be written to {place}, inside the pictures' folder",
            "a place outside the pictures",
            f"--out {source.parent / name}",
        )
    if bundle.is_bundle(place.parent):
        raise SettingError(
            f"the bundle would be written to {place}, inside another one",
            "a place of its own",
            f"--out {place.parent.parent / name}",
        )
    if place.exists():
        _may_be_replaced(place)
    return place


def _may_be_replaced(place: Path) -> None:
    """Only an empty folder, or an older classifier to which nobody has added anything."""
    names = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else [place.name]
    if names and not bundle.is_bundle(place):
        raise SettingError(
            f"{place} is there already, and is not a saved classifier",
            "a new place, or an older classifier to be replaced",
            "choose another place with --out FOLDER",
        )
    foreign = [name for name in names if name not in _FILES]
    if foreign:
        raise SettingError(
            f"the classifier in {place} would be replaced, and with it what is not ours: "
            f"{foreign[0]}" + (f" and {len(foreign) - 1} more" if foreign[1:] else ""),
            "a new place, or an older classifier as it was written",
            "move that away, or choose another place with --out FOLDER",
        )


def write_bundle(
    folder: Path,
    prepared: Prepared,
    trained: Trained,
    audited: Audit,
    receipt: dict[str, Any],
    report: str,
    device: str = CPU,
) -> None:
    """Write every file of a bundle into an empty folder; the record comes last.

    Raises:
        RuntimeError: The graph does not give what the head gave (a fault of ours).
    """
    seen = trained.familiarity
    write_classifier_graph(
        folder / bundle.GRAPH,
        backbone_graph=trained.final.backbone.graph,
        taps=trained.final.candidate.taps,
        familiar_tap=trained.familiar_tap,
        head_layers=trained.final.head.layers_,
        temperature=trained.final.head.temperature_,
        bank=seen.bank,
        neighbours=seen.neighbours,
        class_names=prepared.manifest.class_names,
    )
    _must_agree(folder / bundle.GRAPH, prepared, trained, device)
    described, arrays = layers.to_plain(trained.final.head.layers_)
    arrays |= trained.out_of_fold.to_arrays()
    arrays |= _remembered(prepared, trained)
    bundle.write_arrays(folder, arrays)
    if kept := receipt["recipe"]["gallery"]:
        write_gallery(folder, _gallery(prepared, trained, receipt["recipe"]["seed"], kept))
    (folder / _RESULTS).write_text(readable_json(trained.results.to_json()))
    (folder / _RECEIPT).write_text(readable_json(receipt))
    (folder / _REPORT).write_text(report, encoding="utf-8")
    if trained.adapted.metrics:
        lines = (json.dumps(epoch.to_json()) + "\n" for epoch in trained.adapted.metrics)
        (folder / _METRICS).write_text("".join(lines))
    manifest = prepared.manifest
    write_split(
        folder / _SPLIT,
        manifest.ids,
        manifest.labels,
        trained.division.split.splits,
        tuple(str(group) for group in prepared.groups),
    )
    write_unusable(folder / _UNREADABLE, prepared.unusable)
    _write_rows(folder / _LABEL_ISSUES, DoubtedLabel, audited.labels)
    _write_rows(folder / _OUTLIERS, UnlikePicture, audited.unlike)
    _write_rows(folder / _LOOK_ALIKES, LookAlikes, audited.look_alikes)
    bundle.write_record(folder, _record(prepared, trained, described))


def _remembered(prepared: Prepared, trained: Trained) -> training_pictures.Arrays:
    """What the training pictures are known by later on."""
    rows = trained.train
    return training_pictures.to_arrays(
        prepared.features.facts.select(rows).prints,
        prepared.manifest.class_indices[rows],
        [prepared.manifest.groups[row] for row in rows],
    )


def _gallery(prepared: Prepared, trained: Trained, seed: int, most: int) -> Gallery:
    """The training pictures, as the graph's ``features`` see them."""
    manifest, rows = prepared.manifest, trained.train
    features = Selected(trained.final.features.taps[trained.familiar_tap], rows)
    ids, labels = ([names[row] for row in rows] for names in (manifest.ids, manifest.labels))
    return Gallery.of(ids, labels, features, seed, most, np.float16)


def write_unusable(path: Path, rows: tuple[Unusable, ...]) -> None:
    """A table of what could not be used, with the reasons."""
    _write_rows(path, Unusable, rows)


def _write_rows(path: Path, kind: type[Any], rows: Sequence[Any]) -> None:
    """A CSV with a column for each field of a dataclass; what is None is left empty."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in dataclasses.fields(kind)])
        writer.writerows(dataclasses.astuple(row) for row in rows)


def _record(prepared: Prepared, trained: Trained, described: list[dict[str, Any]]) -> Record:
    manifest, final = prepared.manifest, trained.final
    results = trained.results.to_json()
    rows = sorted(
        [digest.hex(), label, split]
        for digest, label, split in zip(
            prepared.features.facts.digests,
            manifest.labels,
            trained.division.split.splits,
            strict=True,
        )
    )
    return Record(
        class_names=manifest.class_names,
        preprocessing=final.backbone.preprocessing,
        backbone=final.backbone.to_json(),
        head={
            "name": final.candidate.head,
            "taps": list(final.candidate.taps),
            "familiar_tap": trained.familiar_tap,
            "strategy": final.strategy,
            "temperature": final.head.temperature_,
            "layers": described,
        },
        unsure=trained.unsure,
        test=_test(results),
        data={
            "num_images": len(manifest),
            "num_training_images": len(trained.train),
            "counts": manifest.counts,
            "fingerprint": sha256(canonical_json(rows).encode()),
        },
        versions=_versions(),
        out_of_fold={"method": trained.out_of_fold.method, **expected_of(trained.expected)},
    )


def _versions() -> dict[str, str]:
    names = ("numpy", "openvino", "onnx", "pillow", "scikit-learn")
    return {
        "headstart": headstart.__version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _must_agree(graph: Path, prepared: Prepared, trained: Trained, device: str) -> None:
    """Run the written graph on real test pictures and compare with the head's own answer."""
    rows = trained.test[:_CHECKED_PICTURES]
    paths = [prepared.manifest.path(row) for row in rows]
    backbone = trained.final.backbone
    exact = handed_over(trained.final.candidate.taps, trained.familiar_tap)
    outputs = ("probabilities", "distance")
    engine = engine_on(device, graph, outputs, precision=backbone.precision, exact=exact)
    outcomes = read_through(paths, engine, backbone.preprocessing)
    for place, outcome in enumerate(outcomes):
        if outcome.digest != prepared.features.facts.digests[rows[place]]:
            continue  # The file was changed or removed since it was read.
        assert outcome.outputs is not None
        difference = np.abs(outcome.outputs["probabilities"] - trained.probabilities[place]).max()
        if difference > _TOLERANCE:
            raise RuntimeError(
                f"the written graph differs from the head by {difference:.2g} in probability "
                f"(at most {_TOLERANCE} is expected): please report this"
            )
