"""A saved classifier judged on labelled pictures."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.reading import FileFacts
from headstart.datasets.duplicates import find_duplicates, same_bytes
from headstart.datasets.facts import Facts
from headstart.datasets.groups import merge_groups
from headstart.datasets.manifest import Manifest
from headstart.datasets.options import ReadOptions
from headstart.datasets.reading import place_of, read
from headstart.errors import DatasetError, SettingError
from headstart.files import cache_folder
from headstart.labels import match_names, similar
from headstart.model.classifier import Classifier, load
from headstart.model.training_pictures import TrainingPictures, group_key, training_pictures
from headstart.progress import Progress, Silent
from headstart.reports.results import Results
from headstart.unusable import Unusable
from headstart.workflows.looks import count_look, in_words
from headstart.workflows.recipe import Recipe, recipe_of

_READING = {field.name for field in dataclasses.fields(ReadOptions)}
_SETTINGS = _READING | {"max_error", "seed", "threads", "device", "cache"}


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What one evaluation gave.

    Args:
        results: Every number.
        unusable: What could not be judged.
        seen: How many of the pictures stand, byte for byte, in the training data.
        alike: How many more are near copies of training pictures, or of one of their groups.
        near_are_known: Whether near copies could be looked for.
        rule: Which pictures were judged.
        warning: What makes the numbers mean less; empty: nothing.
        looks: How often just these pictures were looked at by now; None: not known.
    """

    results: Results
    unusable: tuple[Unusable, ...]
    seen: int
    alike: int
    near_are_known: bool
    rule: str
    warning: str
    looks: int | None

    @property
    def judged(self) -> str:
        """What the pictures are called."""
        seen_before = self.looks is not None and self.looks > 1
        return f"these pictures ({in_words(self.looks)})" if seen_before else "these pictures"

    @property
    def unseen(self) -> str:
        """What those are called that training has not seen."""
        copies = "copies" if self.near_are_known else "file of the same bytes"
        return f"no {copies}, no group mates"

    def to_json(self) -> dict[str, Any]:
        """What ``headstart evaluate --json`` prints."""
        return {
            "test": self.results.to_json(),
            "seen_in_training": self.seen,
            "like_training": self.alike,
            "looks": self.looks,
            "warning": self.warning or None,
            "unusable": [vars(row) for row in self.unusable],
        }


def evaluate(
    classifier: Classifier | str | os.PathLike[str],
    pictures: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Judge a saved classifier on labelled pictures.

    Args:
        classifier: A loaded one, or the folder of a saved one.
        pictures: Labelled pictures, as for `fit`. If they have train and test parts, the test
            part is judged.
        progress: Told what happens.
        **settings: The fields of `Recipe` that say how the pictures are read, and ``max_error``,
            ``seed``, ``threads``, ``device`` and ``cache``.

    Raises:
        BundleError: The saved classifier is missing or damaged.
        DatasetError: The pictures cannot be understood, or have classes it does not know.
        SettingError: A setting is unknown, wrong, or without effect.
    """
    for name in settings:
        if name in vars(Recipe()) and name not in _SETTINGS:
            raise SettingError(
                f"{name} has no effect on judging a saved classifier",
                f"some of {', '.join(sorted(_SETTINGS))}",
                "leave it out",
            )
    return run_evaluate(classifier, pictures, recipe_of(settings), progress).results


def run_evaluate(
    classifier: Classifier | str | os.PathLike[str],
    pictures: str | os.PathLike[str],
    recipe: Recipe,
    progress: Progress | None = None,
) -> Evaluated:
    """`evaluate`, with what could not be judged and what had been seen before."""
    progress = progress or Silent()
    classifier = _loaded(classifier, recipe)
    found = read(place_of(pictures), recipe.read_options, known=classifier.class_names)
    progress.say(found.summary())
    judged, rule = part_to_judge(found)
    progress.say(rule)
    names = names_for(judged, classifier.class_names)
    answered = _answered(classifier, judged, progress)
    if not answered.rows:
        raise DatasetError(
            f"none of the {len(judged)} pictures can be used",
            "pictures that can be decoded",
            f"headstart check {os.fspath(pictures)}",
        )
    index = {name: position for position, name in enumerate(classifier.class_names)}
    y = np.array([index[names[judged.labels[row]]] for row in answered.rows])
    known = training_pictures(classifier.folder)
    groups, leaked = _groups(known, answered, [judged.groups[row] for row in answered.rows], y)
    of_training = frozenset(known.prints.digests)
    seen = np.array([digest in of_training for digest in answered.digests])
    probabilities = np.stack(answered.probabilities)
    results = Results.of(
        y,
        probabilities,
        classifier.class_names,
        groups=groups,
        leaked=leaked,
        answered=np.array(answered.is_sure),
        seed=recipe.seed,
    )
    answers = [classifier.class_names[k] for k in probabilities.argmax(axis=1)]
    looked = zip(answered.digests, answers, strict=True)
    return Evaluated(
        results,
        (*found.unusable, *answered.unusable),
        int(seen.sum()),
        int(leaked.sum() - seen.sum()),
        known.has_looks,
        rule,
        classifier.warning,
        count_look(looked, recipe.cache or cache_folder()),
    )


def _loaded(classifier: Classifier | str | os.PathLike[str], recipe: Recipe) -> Classifier:
    if not isinstance(classifier, Classifier):
        return load(
            classifier,
            threads=recipe.threads,
            device=recipe.device,
            max_error=recipe.max_error,
        )
    if recipe.max_error is not None:
        raise SettingError(
            f"max_error is {recipe.max_error}, but the classifier is loaded already",
            "max_error where the classifier is loaded",
            f"headstart.load(path, max_error={recipe.max_error})",
        )
    return classifier


@dataclass(frozen=True, eq=False)
class _Answered:
    """What a classifier says of pictures; lists of one length, but for the unusable ones.

    Args:
        rows: Of the manifest, those that could be used.
        digests, files: What each one's file is.
        probabilities: float32 [C] each.
        is_sure: Whether it answers.
        unusable: The others.
    """

    rows: list[int]
    digests: list[bytes]
    files: list[FileFacts]
    probabilities: list[npt.NDArray[np.float32]]
    is_sure: list[bool]
    unusable: list[Unusable]

    @property
    def facts(self) -> Facts:
        files = self.files
        return Facts(
            digests=tuple(self.digests),
            widths=np.array([file.width for file in files], dtype=np.int64),
            heights=np.array([file.height for file in files], dtype=np.int64),
            formats=tuple(file.format for file in files),
            modes=tuple(file.mode for file in files),
            flags=tuple(file.flags for file in files),
            hashes=np.array([file.hash for file in files], dtype=np.uint64),
            thumbnails=np.stack([np.frombuffer(file.thumbnail, np.uint8) for file in files]),
            qualities=np.array([file.quality for file in files], dtype=np.int64),
        )


def _answered(classifier: Classifier, judged: Manifest, progress: Progress) -> _Answered:
    found = _Answered([], [], [], [], [], [])
    progress.start("pictures", len(judged))
    try:
        for row, outcome in enumerate(classifier.outcomes(judged.paths, with_facts=True)):
            progress.advance()
            if outcome.failure is not None:
                failure = outcome.failure
                found.unusable.append(Unusable(judged.ids[row], failure.reason, failure.detail))
                continue
            assert outcome.outputs is not None and outcome.facts is not None
            found.rows.append(row)
            found.digests.append(outcome.digest)
            found.files.append(outcome.facts)
            found.probabilities.append(outcome.outputs["probabilities"])
            found.is_sure.append(classifier.reason(outcome.outputs) is None)
    finally:
        progress.stop()
    return found


def _groups(
    known: TrainingPictures, answered: _Answered, named: list[str], y: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """What belongs together among the judged pictures, and which of them training has seen.

    As in `fit`: copies, near copies and groups, over training pictures too.

    Args:
        known: The training pictures.
        answered: The judged ones.
        named: Their groups' names.
        y: int64, their class indices.

    Returns:
        int64, a group for each judged picture; bool, whether a training picture is in it.
    """
    number = len(known)
    prints = answered.facts.prints
    if known.has_looks:
        pairs = find_duplicates(
            known.prints.with_more(prints), np.concatenate([known.classes, y])
        ).pairs
    else:
        among = find_duplicates(prints, y).pairs + number
        pairs = np.concatenate([same_bytes(known.prints.digests + prints.digests), among])
    groups = merge_groups((*known.groups, *map(group_key, named)), pairs)
    return groups[number:], np.isin(groups[number:], groups[:number])


def part_to_judge(found: Manifest) -> tuple[Manifest, str]:
    """The test part where there is one, else all of it; and that in words."""
    for split in ("test", "validation"):
        rows = np.flatnonzero(np.array(found.splits) == split)
        if len(rows) and len(rows) < len(found):
            return found.select(rows), f"judged on the {len(rows)} pictures of its {split} part"
    return found, f"judged on all {len(found)} pictures"


def names_for(judged: Manifest, known: tuple[str, ...]) -> dict[str, str]:
    """The classifier's name for each label, among those it knows.

    Raises:
        DatasetError: There is none for one of them.
    """
    names = match_names(sorted(set(judged.labels)), known)
    unknown = [label for label, name in names.items() if name is None]
    if unknown:
        near = similar(unknown[0], known)
        rename = f"rename it with --merge '{unknown[0]}={near[0]}', or " if near else ""
        answers = (
            ", or headstart predict, which needs no labels" if len(unknown) == len(names) else ""
        )
        raise DatasetError(
            f"the classifier knows no class {', '.join(map(repr, unknown[:5]))} "
            f"({len(unknown)} of {len(names)} labels are unknown to it)",
            f"labels among {', '.join(known[:12])}",
            f"{rename}leave these pictures out{answers}",
        )
    return {label: name for label, name in names.items() if name is not None}
