"""What an export in fewer bits costs: both answer the same pictures, which neither learned from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import Engine
from headstart.backbones.reading import read_through
from headstart.datasets.duplicates import same_bytes
from headstart.datasets.groups import merge_groups
from headstart.datasets.manifest import Manifest
from headstart.datasets.reading import read
from headstart.errors import NotEnoughData, UnusableImage
from headstart.files import content_digest
from headstart.images.decode import decode, read_bytes
from headstart.images.preprocessing import Preprocessing
from headstart.metrics.comparison import paired_difference
from headstart.metrics.intervals import accuracy_interval
from headstart.model.training_pictures import training_pictures
from headstart.progress import Progress
from headstart.randomness import generator
from headstart.unusable import Unusable
from headstart.workflows.evaluate import names_for, part_to_judge
from headstart.workflows.recipe import Recipe

Rows = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

_MOST_CALIBRATING = 300
# Of pictures that judge nothing anyway; with fewer a third of the others takes part.
_LEAST_CALIBRATING = 32


@dataclass(frozen=True, eq=False)
class Lot:
    """Labelled pictures, divided into those that judge and those that calibrate.

    Args:
        held: Files that the classifier has not learned from.
        y: int64 [N], their classes.
        groups: int64 [N], what must not be counted apart.
        calibrating: Files that show the ranges of the network's numbers; none where nobody asks.
        unusable: What could not be read.
    """

    held: tuple[Path, ...]
    y: Rows
    groups: Rows
    calibrating: tuple[Path, ...]
    unusable: tuple[Unusable, ...]


def lot_of(
    folder: Path,
    class_names: tuple[str, ...],
    pictures: Path,
    recipe: Recipe,
    *,
    calibrates: bool,
) -> Lot:
    """Divide the user's pictures.

    Those that calibrate are, where there are enough, such as judge nothing: training pictures.

    Raises:
        DatasetError: The pictures cannot be understood, or have classes it does not know.
        NotEnoughData: The classifier has learned from all of them.
    """
    found = read(pictures, recipe.read_options, known=class_names)
    judged = set(part_to_judge(found)[0].ids)
    names = names_for(found, class_names)
    digests, unusable = _digests(found)
    found = found.select([row for row, name in enumerate(found.ids) if name in digests])
    trained_on = frozenset(training_pictures(folder).prints.digests)
    new = np.array([digests[name] not in trained_on for name in found.ids], bool)
    judges = np.array([name in judged for name in found.ids], bool)
    held, rest = np.flatnonzero(new & judges), np.flatnonzero(~(new & judges))
    groups = merge_groups(found.groups, same_bytes([digests[name] for name in found.ids]))
    if calibrates and len(rest) < _LEAST_CALIBRATING:
        third = _third(groups[held], recipe.seed)
        held, rest = held[~third], np.concatenate([rest, held[third]])
    if not len(held):
        raise NotEnoughData(
            f"the classifier has learned from all of the {len(found)} pictures in {pictures}",
            "labelled pictures that it has not seen: only they can tell what fewer bits cost",
            "give other pictures with --pictures",
        )
    most = _MOST_CALIBRATING if calibrates else 0
    chosen = generator(recipe.seed, "calibration").permutation(rest)[:most]
    return Lot(
        held=tuple(found.path(int(row)) for row in held),
        y=np.array([class_names.index(names[found.labels[row]]) for row in held], np.int64),
        groups=groups[held],
        calibrating=tuple(found.path(int(row)) for row in np.sort(chosen)),
        unusable=(*found.unusable, *unusable),
    )


def pixels_of(paths: Iterable[Path], preprocessing: Preprocessing) -> list[Pixels]:
    """uint8 [size, size, 3] of every picture that can be read."""
    found = []
    for path in paths:
        try:
            picture = decode(read_bytes(path), at_least=preprocessing.at_least)
        except UnusableImage:
            continue
        found.append(preprocessing.pixels(picture))
    return found


def compared(
    before: Engine, after: Engine, lot: Lot, preprocessing: Preprocessing, progress: Progress
) -> dict[str, Any]:
    """Accuracy of both on the pictures that judge, and the paired difference: after less before."""
    progress.start("pictures", 2 * len(lot.held))
    try:
        answers = [
            [_answer(outcome.outputs, progress) for outcome in _through(lot, engine, preprocessing)]
            for engine in (before, after)
        ]
    finally:
        progress.stop()
    told = np.array(answers)
    usable = (told >= 0).all(axis=0)
    told, y, groups = told[:, usable], lot.y[usable], lot.groups[usable]
    if not len(y):
        raise NotEnoughData(
            f"none of the {len(lot.held)} pictures that would judge can be used",
            "pictures that can be decoded",
            "headstart check PICTURES",
        )
    correct = told == y
    change = paired_difference(correct[1], correct[0], groups)
    return {
        "num_images": len(y),
        "before": _share(correct[0], groups),
        "after": _share(correct[1], groups),
        "difference": round(change.difference, 6),
        "interval": [round(change.low, 6), round(change.high, 6)],
        "changed_answers": int((told[0] != told[1]).sum()),
        "num_calibrating": len(lot.calibrating),
    }


def _through(lot: Lot, engine: Engine, preprocessing: Preprocessing) -> Iterable[Any]:
    return read_through(lot.held, engine, preprocessing)


def _answer(outputs: dict[str, npt.NDArray[np.float32]] | None, progress: Progress) -> int:
    progress.advance()
    return -1 if outputs is None else int(outputs["probabilities"].argmax())


def _share(correct: npt.NDArray[np.bool_], groups: Rows) -> dict[str, Any]:
    interval = accuracy_interval(correct, groups)
    return {
        "accuracy": round(float(correct.mean()), 6),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
    }


def _digests(found: Manifest) -> tuple[dict[str, bytes], list[Unusable]]:
    """Digest of each file's bytes, by id, where it can be read; and those where it cannot."""
    digests, unusable = {}, []
    for path, name in zip(found.paths, found.ids, strict=True):
        try:
            digests[name] = content_digest(read_bytes(path))
        except UnusableImage as failure:
            unusable.append(Unusable(name, failure.reason, failure.detail))
    return digests, unusable


def _third(groups: Rows, seed: int) -> npt.NDArray[np.bool_]:
    """A third of the groups, drawn, but one at least and never all: bool [N]."""
    names = generator(seed, "third").permutation(np.unique(groups))
    number = max(1, len(names) // 3) if len(names) > 1 else 0
    return np.isin(groups, names[:number])
