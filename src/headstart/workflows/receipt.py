"""The receipt: what was tried, what it measured, what was chosen. Plain values for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import headstart
from headstart.datasets.finding import Finding
from headstart.heads.selection import CandidateScore
from headstart.metrics.comparison import paired_difference
from headstart.metrics.intervals import accuracy_interval
from headstart.strategy.backbone_choice import BackboneChoice
from headstart.workflows.abstaining import expected_of
from headstart.workflows.preparing import Prepared
from headstart.workflows.recipe import Recipe
from headstart.workflows.training import Trained

Findings = tuple[Finding, ...]


def receipt_of(
    place: Path,
    prepared: Prepared,
    trained: Trained,
    recipe: Recipe,
    findings: Findings,
    choice: BackboneChoice | None = None,
) -> dict[str, Any]:
    """The object that ``headstart fit --json`` prints; its keys are a contract (docs/cli.md)."""
    candidate = trained.candidate
    estimate, interval = trained.corrected
    return {
        "headstart": headstart.__version__,
        "bundle": str(place),
        "test": trained.results.to_json(),
        "chosen": {
            "backbone": prepared.backbone.name,
            "strategy": "freeze",
            "head": candidate.head,
            "tap": "+".join(candidate.taps),
        },
        "cross_validated": {
            "accuracy_corrected_for_choosing": round(estimate, 6),
            "interval": [round(interval.low, 6), round(interval.high, 6)],
        },
        "unsure": {**vars(trained.unsure), **expected_of(trained.expected)},
        "candidates": _candidates(prepared, trained, recipe.seed),
        "features": {
            "computed": prepared.features.computed,
            "reused": prepared.features.reused,
        },
        "unusable": [
            {"path": row.path, "reason": row.reason, "detail": row.detail}
            for row in prepared.unusable
        ],
        "split": {
            "rule": trained.split.rule,
            "train": len(trained.train),
            "test": len(trained.test),
            "leaked": int(trained.leaked.sum()),
        },
        "findings": [finding.to_json() for finding in findings],
        "backbone": prepared.backbone.to_json(),
        "backbone_choice": choice.to_json() if choice else None,
        "recipe": recipe.to_json(),
    }


def _candidates(prepared: Prepared, trained: Trained, seed: int) -> list[dict[str, Any]]:
    """Every candidate, best first: score, interval, paired difference to the chosen, seconds."""
    groups = prepared.groups[trained.train]
    chosen = trained.scores[trained.chosen]

    def row(score: CandidateScore) -> dict[str, Any]:
        interval = accuracy_interval(score.correct, groups, seed)
        paired = paired_difference(score.correct, chosen.correct, groups, seed)
        return {
            "name": score.candidate.name,
            "head": score.candidate.head,
            "tap": "+".join(score.candidate.taps),
            "score": round(score.accuracy, 6),
            "interval": [round(interval.low, 6), round(interval.high, 6)],
            "log_loss": round(score.log_loss, 6),
            "difference_to_chosen": None
            if score is chosen
            else [round(value, 6) for value in (paired.difference, paired.low, paired.high)],
            "chosen": score is chosen,
            "seconds": round(score.seconds, 3),
        }

    return sorted((row(score) for score in trained.scores), key=lambda r: -r["score"])
