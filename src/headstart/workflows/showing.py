"""What tutorials print on the way: tables, reports and curves, on top of what every run tells."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.finetuning.epoch_metrics import EpochMetrics
from headstart.heads.catalog import make_head
from headstart.heads.dense import DenseHead, Epoch
from headstart.progress import Progress
from headstart.reports.training_figure import TrainingFigure, training_figure
from headstart.workflows.comparing import Compared
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe
from headstart.workflows.recipe_files import recipe_text
from headstart.workflows.saving import CODES, CURVES, RECIPE
from headstart.workflows.training import Trained

Curves = Mapping[str, tuple[Epoch, ...]]

_FIRST_ROWS = 10
_TOLD_EPOCHS = (1, 2, 5, 10, 20, 50, 100)


class Every:
    """Passes progress on, and adds a line every so many pictures.

    Args:
        progress: To whom.
        number: Pictures from line to line.
    """

    def __init__(self, progress: Progress, number: int) -> None:
        self._progress, self._number = progress, number
        self._what, self._total, self._done = "", 0, 0

    def say(self, line: str) -> None:
        """Passed on."""
        self._progress.say(line)

    def start(self, what: str, total: int) -> None:
        """Passed on; the count begins anew."""
        self._what, self._total, self._done = what, total, 0
        self._progress.start(what, total)

    def advance(self, count: int = 1) -> None:
        """Passed on; pictures are counted, not the other work."""
        before, self._done = self._done, self._done + count
        self._progress.advance(count)
        if self._what == "features" and before // self._number < self._done // self._number:
            self.say(f"{self._done} of {self._total} pictures")

    def stop(self) -> None:
        """Passed on."""
        self._progress.stop()


@dataclass(frozen=True, eq=False)
class Shown:
    """What a recipe tells besides.

    Args:
        report: Lines of the classification report; empty: not asked for.
        curves: How each dense head learned; empty: not asked for, or none is compared.
    """

    report: list[str]
    curves: dict[str, tuple[Epoch, ...]]

    def lines(self) -> list[str]:
        """For the console."""
        return [*curve_lines(self.curves), *self.report]

    def figures(self) -> list[TrainingFigure]:
        """For the page."""
        drawn = (training_figure(name, _metrics(name, each)) for name, each in self.curves.items())
        return [figure for figure in drawn if figure]


def shown_of(prepared: Prepared, trained: Trained, recipe: Recipe) -> Shown:
    """What the recipe asks for, of a run that has been judged."""
    report, curves = [], {}
    if "classification-report" in recipe.show:
        y = prepared.manifest.class_indices[trained.test]
        answers = trained.probabilities.argmax(axis=1)
        report = report_lines(y, answers, prepared.manifest.class_names)
    if "curves" in recipe.show:
        curves = curves_of(prepared, trained.division, trained.compared, recipe)
    return Shown(report, curves)


def write_shown(
    folder: Path, prepared: Prepared, trained: Trained, shown: Shown, recipe: Recipe
) -> None:
    """Write the recipe as it was resolved, and what it asks for, into the bundle's folder."""
    resolved = {**recipe.to_json(), **_paths(recipe), "backbone": prepared.backbone.name}
    (folder / RECIPE).write_text(recipe_text(resolved), encoding="utf-8", errors="backslashreplace")
    if rows := curve_rows(shown.curves):
        with (folder / CURVES).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    if recipe.keep_codes:
        manifest, final = prepared.manifest, trained.final
        np.savez(
            folder / CODES,
            paths=np.array(manifest.ids),
            labels=np.array(manifest.labels),
            splits=np.array(trained.division.split.splits),
            codes=final.features.joined(final.candidate.taps, np.arange(len(manifest))),
        )


def _paths(recipe: Recipe) -> dict[str, str]:
    """The settings that are paths, so that the recipe holds from whatever folder it is used.

    As they were given where the whole path has bytes that are no text, which TOML cannot hold.
    """
    weights = None if recipe.weights == "random" else recipe.weights
    given = {"images": recipe.images, "test": recipe.test, "weights": weights}
    whole = {name: str(Path(path).expanduser().absolute()) for name, path in given.items() if path}
    return {name: path for name, path in whole.items() if path.isprintable()}


def target_lines(prepared: Prepared) -> list[str]:
    """The first rows of the table of paths and targets, and the pictures of each class."""
    manifest = prepared.manifest
    # Evenly through the table: where files stand class by class, its head would show one class.
    rows = np.unique(np.linspace(0, len(manifest) - 1, _FIRST_ROWS).astype(int))
    width = max(len(manifest.ids[row]) for row in rows)
    return [
        f"{'path':<{width}}  target",
        *(f"{manifest.ids[row]:<{width}}  {manifest.labels[row]}" for row in rows),
        f"{len(manifest)} pictures; of each class:",
        *(f"  {name}  {count}" for name, count in manifest.counts.items()),
    ]


def report_lines(y: Rows, predicted: Rows, names: tuple[str, ...]) -> list[str]:
    """Accuracy, confusion matrix and classification report, as scikit-learn prints them.

    Args:
        y: int64 [N], the true classes.
        predicted: int64 [N], the answers.
        names: Of all classes.
    """
    from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

    own, answers = np.array(names)[y], np.array(names)[predicted]
    report = classification_report(own, answers, zero_division=0.0)
    return [
        f"accuracy {accuracy_score(own, answers)}",
        "confusion matrix (a row for each true class)",
        *str(confusion_matrix(own, answers)).splitlines(),
        *report.splitlines(),
    ]


def curves_of(
    prepared: Prepared, division: Division, compared: Compared, recipe: Recipe
) -> dict[str, tuple[Epoch, ...]]:
    """How each dense head learns: the first fold is held out, the others are learnt from.

    Returns:
        Curves by the candidate's name; none for heads that do not learn in epochs.
    """
    held = division.folds == division.folds.min()
    y = prepared.manifest.class_indices[division.train]
    held &= np.isin(y, y[~held])
    curves = {}
    for score in compared.scores:
        if score.candidate.members:
            continue
        head = make_head(score.candidate.head, recipe.seed)
        if isinstance(head, DenseHead):
            X = prepared.features.joined(score.candidate.taps, division.train)
            known, own = np.unique(y[~held], return_inverse=True)
            curves[score.candidate.name] = head.curve(
                X[~held], own, X[held], np.searchsorted(known, y[held])
            )
    return curves


def curve_lines(curves: Curves) -> list[str]:
    """Some epochs of each curve."""
    lines = []
    for name, epochs in curves.items():
        lines.append(f"{name}: accuracy (loss) when training · on held-out training pictures")
        lines += [
            f"  epoch {number:>3}   {_at(epoch.accuracy, epoch.loss)} · "
            f"{_at(epoch.held_accuracy, epoch.held_loss)}"
            for number, epoch in enumerate(epochs, start=1)
            if number in _TOLD_EPOCHS or number == len(epochs)
        ]
    return lines


def curve_rows(curves: Curves) -> list[dict[str, Any]]:
    """Every epoch of every curve, as a table."""
    return [
        {"head": name, "epoch": number, **{k: round(v, 6) for k, v in vars(epoch).items()}}
        for name, epochs in curves.items()
        for number, epoch in enumerate(epochs, start=1)
    ]


def _metrics(name: str, epochs: tuple[Epoch, ...]) -> list[EpochMetrics]:
    """As fine-tuning tells it; rows held out of a head's training are its validation."""
    return [
        EpochMetrics(
            rung=name,
            fold=0,
            epoch=number,
            epochs=len(epochs),
            step=0,
            train_loss=epoch.loss,
            train_accuracy=epoch.accuracy,
            learning_rate=0.0,
            seconds=0.0,
            seconds_left=0.0,
            validation_loss=epoch.held_loss,
            validation_accuracy=epoch.held_accuracy,
        )
        for number, epoch in enumerate(epochs, start=1)
    ]


def _at(accuracy: float, loss: float) -> str:
    return f"{100 * accuracy:5.1f} % ({loss:.3f})"
