"""The receipt: what was tried, what it measured, what was chosen. Plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import headstart
from headstart.backbones.devices import device_of
from headstart.datasets.finding import Finding
from headstart.heads.candidates import Candidate
from headstart.heads.ensemble import ENSEMBLE
from headstart.heads.selection import CandidateScore
from headstart.metrics.comparison import paired_differences
from headstart.metrics.intervals import accuracy_interval
from headstart.model.beside import TAP
from headstart.reports.audit import Audit
from headstart.strategy.answers import Answers
from headstart.strategy.backbone_choice import BackboneChoice
from headstart.strategy.ladder import Step
from headstart.workflows.abstaining import expected_of
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe
from headstart.workflows.training import TUNED_HEAD, Trained

Findings = tuple[Finding, ...]
_Tried = tuple[str, str, CandidateScore | Answers, float, Candidate]


def receipt_of(
    place: Path,
    prepared: Prepared,
    trained: Trained,
    recipe: Recipe,
    findings: Findings,
    audited: Audit,
    choice: BackboneChoice | None = None,
) -> dict[str, Any]:
    """The object that ``headstart fit --json`` prints; its keys are a contract (docs/cli.md)."""
    final = trained.final
    adapted = trained.adapted
    estimate, interval = final.corrected
    return {
        "headstart": headstart.__version__,
        "bundle": str(place),
        "test": trained.results.to_json(),
        "chosen": {
            "backbone": final.backbone.name,
            "strategy": final.strategy,
            "head": final.candidate.head,
            "tap": "+".join(final.candidate.taps),
            "train_from": adapted.tuning.train_from if adapted.tuning else None,
            "tuning": adapted.tuning.to_json() if adapted.tuning else None,
        },
        "cross_validated": {
            "accuracy_corrected_for_choosing": round(estimate, 6),
            "interval": [round(interval.low, 6), round(interval.high, 6)],
            "folds": len(np.unique(trained.division.folds)),
        },
        "unsure": {**vars(trained.unsure), **expected_of(trained.expected)},
        "candidates": _candidates(prepared, trained, recipe.seed),
        "matrix": trained.matrix.to_json(),
        "ladder": ladder_of(prepared, trained, recipe.seed),
        "audit": audited.to_json(),
        "features": {
            "computed": prepared.features.computed,
            "reused": prepared.features.reused,
        },
        "unusable": [
            {"path": row.path, "reason": row.reason, "detail": row.detail}
            for row in prepared.unusable
        ],
        "split": {
            "rule": trained.division.split.rule,
            "train": len(trained.train),
            "test": len(trained.test),
            "leaked": int(trained.division.leaked.sum()),
        },
        "findings": [
            {**finding.to_json(), "examples": list(finding.shown)} for finding in findings
        ],
        "backbone": final.backbone.to_json(),
        "backbone_choice": choice.to_json() if choice else None,
        "device": device_of(recipe.device),
        "recipe": recipe.to_json(),
    }


def ladder_of(prepared: Prepared, trained: Trained, seed: int) -> list[dict[str, Any]]:
    """Every rung of the ladder that came up, tried or not, and why."""
    groups = prepared.groups[trained.train]
    return [step.to_json(groups, seed) for step in trained.adapted.climb.steps]


def _tuned_candidate(step: Step, trained: Trained, last: str) -> Candidate:
    """What was judged: the head that was trained with the network, or that and the frozen one."""
    if step.pooled:
        return Candidate(ENSEMBLE, (*trained.compared.best.candidate.taps, TAP))
    return Candidate(TUNED_HEAD, (last,))


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 4) for name, share in shares.items()}


def _candidates(prepared: Prepared, trained: Trained, seed: int) -> list[dict[str, Any]]:
    """Every candidate, best first, then those that were asked about a part of the pictures."""
    groups = prepared.groups[trained.train]
    compared, chosen = trained.compared, trained.final.held_out

    last = prepared.backbone.tap_names[-1]
    tried: list[_Tried] = [
        (score.candidate.name, "freeze", score, score.seconds, score.candidate)
        for score in compared.scores
    ]
    for step in trained.adapted.climb.steps:
        if step.answers is not None:
            candidate = _tuned_candidate(step, trained, last)
            tried.append((step.name, step.rung.strategy, step.answers, step.seconds, candidate))
    differences = _differences([each[2] for each in tried], chosen, groups, seed)

    def row(
        name: str,
        strategy: str,
        score: CandidateScore | Answers,
        seconds: float,
        candidate: Candidate,
        difference: list[float] | None,
    ) -> dict[str, Any]:
        judged = score.judged
        is_chosen = np.array_equal(score.scores, chosen.scores)
        interval = accuracy_interval(score.correct[judged], groups[judged], seed)
        return {
            "name": name,
            "strategy": strategy,
            "head": candidate.head,
            "tap": "+".join(candidate.taps),
            **({"members": _rounded(candidate.shares)} if candidate.members else {}),
            "score": round(float(score.correct[judged].mean()), 6),
            "interval": [round(interval.low, 6), round(interval.high, 6)],
            "log_loss": round(score.log_loss, 6),
            "num_images": int(judged.sum()),
            "difference_to_chosen": None if is_chosen else difference,
            "chosen": is_chosen,
            "seconds": round(seconds, 3),
        }

    rows = [row(*each, difference) for each, difference in zip(tried, differences, strict=True)]
    return sorted(rows, key=lambda row: (_is_judged_in_part(row, len(groups)), -row["score"]))


def _differences(
    scores: Sequence[CandidateScore | Answers], chosen: CandidateScore, groups: Rows, seed: int
) -> list[list[float] | None]:
    """Of each to the chosen one, on the rows that both have judged."""
    found: list[list[float] | None] = [None] * len(scores)
    alike: dict[bytes, list[int]] = {}
    for k, score in enumerate(scores):
        alike.setdefault((score.judged & chosen.judged).tobytes(), []).append(k)
    for own in alike.values():
        rows = scores[own[0]].judged & chosen.judged
        if rows.any():
            correct = np.stack([scores[k].correct[rows] for k in own])
            paired = paired_differences(correct, chosen.correct[rows], groups[rows], seed)
            for k, each in zip(own, paired, strict=True):
                found[k] = [round(value, 6) for value in (each.difference, each.low, each.high)]
    return found


def _is_judged_in_part(row: dict[str, Any], num_images: int) -> bool:
    """Whether it may look good on the few pictures it was asked about; not what was chosen."""
    return bool(row["num_images"] < num_images and not row["chosen"])
