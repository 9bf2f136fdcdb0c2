"""Gathers a run's numbers and pictures into its report."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import headstart
from headstart.datasets.finding import Finding
from headstart.datasets.manifest import counted
from headstart.errors import UnusableImage
from headstart.images.decode import read as read_image
from headstart.metrics.intervals import Interval
from headstart.reports.audit import Audit
from headstart.reports.gallery import thumbnail
from headstart.reports.page import (
    MOST_MISTAKES,
    BackboneFacts,
    Candidate,
    Mistake,
    Report,
    pictured,
    render,
)
from headstart.reports.results import interval_text, percent
from headstart.reports.training_figure import TrainingFigure, training_figure
from headstart.strategy.backbone_choice import BackboneChoice
from headstart.strategy.ladder import rung_name
from headstart.strategy.matrix import ADVICE
from headstart.workflows.abstaining import expectation
from headstart.workflows.adapting import Adapted
from headstart.workflows.placing import figure_of
from headstart.workflows.preparing import Prepared, describe
from headstart.workflows.training import Trained

_THUMBNAIL = 112


def report_of(
    prepared: Prepared,
    trained: Trained,
    receipt: dict[str, Any],
    findings: tuple[Finding, ...],
    audited: Audit,
    choice: BackboneChoice | None = None,
    beside: Sequence[str] = (),
    curves: Sequence[TrainingFigure] = (),
    look: str = "",
) -> str:
    """The report as one HTML page.

    Args:
        prepared: The dataset.
        trained: The chosen classifier and the evidence for it.
        receipt: The same as plain values.
        findings: What is wrong with the dataset.
        audited: What its features say.
        choice: Of the backbone.
        beside: What else is said of the choice, in sentences.
        curves: Of heads that learned in epochs.
        look: Which look at the test pictures it was, in words.
    """
    backbone, matrix = prepared.backbone, trained.matrix
    title = prepared.manifest.name.rstrip("/")
    return render(
        Report(
            title=title,
            created=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
            version=headstart.__version__,
            results=trained.results,
            look=look,
            warnings=warnings_of(trained),
            dataset=(
                ("usable: " if prepared.unusable else "") + prepared.manifest.summary(),
                *prepared.manifest.notes,
                trained.division.split.rule,
                describe(backbone),
            ),
            candidates=tuple(_candidate(row, len(trained.train)) for row in receipt["candidates"]),
            why=" ".join(
                (
                    why(trained),
                    f"Its answers: {expectation(trained.expected)}.",
                    *beside,
                )
            ),
            backbone=BackboneFacts(
                name=backbone.name,
                licence=backbone.licence,
                weights=backbone.weights,
                input_size=backbone.preprocessing.size,
                taps=backbone.tap_names,
            ),
            backbone_choice=choice,
            matrix=matrix,
            matrix_figure=figure_of(title, matrix, _evidence(trained)),
            ladder=tuple(receipt["ladder"]),
            trainings=(*_trainings(trained), *curves),
            audit=audited,
            thumbnails={
                path: _thumbnail(prepared.manifest.root / path) for path in pictured(audited)
            },
            mistakes=tuple(_mistakes(prepared, trained)),
            unusable=prepared.unusable,
            findings=findings,
            bundle=receipt["bundle"],
            receipt=str(Path(receipt["bundle"]) / "receipt.json"),
        )
    )


def why(trained: Trained) -> str:
    """What was chosen, and by which rule, in words."""
    compared = trained.compared
    scores, name = compared.scores, compared.best.candidate.name
    estimate, interval = trained.final.corrected
    expects = (
        f"cross-validation expects {percent(estimate)} ({interval_text(interval)}) on new pictures."
    )
    step = trained.adapted.climb.best
    if step is not None:
        taken = f"{step.name}: {step.reason}, against {name} on the frozen network."
        return f"{taken} Corrected for that, {expects}"
    if len(scores) == 1:
        return f"{name}: the only one asked for."
    whole = [score for score in scores if score.is_whole]
    most_accurate = max(whole, key=lambda score: score.accuracy)
    if most_accurate.accuracy == compared.best.accuracy:
        reason = "no other head was more accurate in cross-validation"
    else:
        reason = (
            f"taken unless another is proved better. {most_accurate.candidate.name} was more "
            "accurate in cross-validation, but by no more than luck among so many explains, and "
            "no other had distinguishably better probabilities"
        )
    chosen = f"{compared.best.candidate.words}: {reason}."
    return f"{chosen} Corrected for having chosen the best of {len(scores)}, {expects}"


def warnings_of(trained: Trained) -> tuple[str, ...]:
    """What makes the numbers less than they seem."""
    expected, results = trained.final.corrected[1], trained.results
    lines = [*_asked_for(trained), *_without_effect(trained), *_alone(trained)]
    if results.interval.low <= results.majority_baseline:
        lines.append(
            "this is not distinguishably better than always giving the same answer "
            f"({percent(results.majority_baseline)})"
        )
    if results.interval.high < expected.low:
        lines.append(
            "the test result lies below what cross-validation expected "
            f"({interval_text(expected)}): the test pictures differ from the training pictures, "
            "or some are labelled otherwise"
        )
    return tuple(lines)


def _without_effect(trained: Trained) -> list[str]:
    names = ", ".join(trained.adapted.without_effect)
    return [f"no effect of {names}: nothing was tuned (--strategy partial does)"] if names else []


def _alone(trained: Trained) -> list[str]:
    """That some classes could not be learnt when their only group was held out."""
    number = int((~trained.compared.best.learnable).sum())
    if not number:
        return []
    return [
        f"{counted(number, 'training picture', 'training pictures')} counted as wrong in "
        "cross-validation: without that fold nothing of the class was left to learn from, so "
        "it expects too little; so do the promises of --max-error and --sets"
    ]


def _asked_for(trained: Trained) -> list[str]:
    """What became of a rung that a person asked for, or ended."""
    adapted, step = trained.adapted, trained.adapted.climb.best
    if adapted.is_interrupted:
        used = "the frozen network is used" if step is None else "its best weights so far are used"
        return [f"fine-tuning was interrupted: {used}; the same command goes on with it"]
    if step is None:
        missing = adapted.climb.steps[:1] if adapted.was_asked_for else ()
        return [f"{each.rung.name}: asked for, but not tuned ({each.reason})" for each in missing]
    asked = f"{step.rung.name} was tuned because it was asked for: {step.outcome}, {step.reason}"
    return [*_cut_short(adapted), *([] if step.outcome == "taken" else [asked])]


def _cut_short(adapted: Adapted) -> list[str]:
    """That the last training had no time to end."""
    if not adapted.is_out_of_time or adapted.tuned is None:
        return []
    return [
        "the last training was ended by --time-limit after "
        f"{counted(adapted.tuned.epochs, 'epoch', 'epochs')}: its best weights so far are used, "
        "and may do worse than the folds let expect; the same command with more time goes on"
    ]


def _evidence(trained: Trained) -> str:
    """What trials say, else what is advised before any, in a few words."""
    found = trained.adapted.climb
    if found.best is not None and found.best.outcome == "taken":
        return found.best.name
    if any(step.is_too_late for step in found.steps):
        return "frozen, the time was too short for more"
    if any(step.answers for step in found.steps):
        return "frozen, no gain was proved"
    return ADVICE[trained.matrix.evidence[0]]


def _trainings(trained: Trained) -> tuple[TrainingFigure, ...]:
    """The curves of every rung that was trained, in the order of the ladder."""
    metrics = trained.adapted.metrics
    rungs = dict.fromkeys(epoch.rung for epoch in metrics)
    figures = (
        training_figure(rung_name(rung), [epoch for epoch in metrics if epoch.rung == rung])
        for rung in rungs
    )
    return tuple(figure for figure in figures if figure)


def _candidate(row: dict[str, Any], num_rows: int) -> Candidate:
    """A line of the receipt as a line of the page; what a part of the pictures judged says so."""
    low, high = row["interval"]
    judged = row["num_images"]
    return Candidate(
        name=row["name"] + (f" (of {judged} pictures)" if judged < num_rows else ""),
        score=row["score"],
        interval=Interval(low, high, level=0.95, method="cross-validation"),
        log_loss=row["log_loss"],
        seconds=row["seconds"],
        chosen=row["chosen"],
        difference=row["difference_to_chosen"] and tuple(row["difference_to_chosen"]),
    )


def _mistakes(prepared: Prepared, trained: Trained) -> Iterator[Mistake]:
    """The wrong answers on the test pictures, the surest first."""
    names = prepared.manifest.class_names
    y = prepared.manifest.class_indices[trained.test]
    predicted = trained.probabilities.argmax(axis=1)
    confidence = trained.probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    for place in wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]:
        row = trained.test[place]
        yield Mistake(
            path=prepared.manifest.ids[row],
            thumbnail=_thumbnail(prepared.manifest.path(row)),
            true=names[y[place]],
            predicted=names[predicted[place]],
            probability=float(confidence[place]),
        )


def _thumbnail(path: Path) -> str:
    try:
        return thumbnail(read_image(path, at_least=_THUMBNAIL)[1].image, _THUMBNAIL)
    except UnusableImage:  # removed since it was read
        return ""
