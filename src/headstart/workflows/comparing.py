"""Heads on frozen features, compared by cross-validation on the training rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.backbones.engine import num_cores
from headstart.backbones.request import AVERAGE, POOLINGS
from headstart.errors import NotEnoughData, SettingError
from headstart.heads.candidates import Candidate, Rooted, default_candidates, ensemble_of
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.cross_validation import cross_validate
from headstart.heads.ensemble import ENSEMBLE, MEMBERS
from headstart.heads.selection import CandidateScore, choice_rule, choose
from headstart.layers import Array
from headstart.metrics.comparison import bias_corrected_best
from headstart.metrics.intervals import Interval
from headstart.progress import Progress
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, Rows, depths
from headstart.workflows.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Compared:
    """Every frozen candidate, and the one that was chosen.

    Args:
        scores: Out-of-fold scores of the training rows.
        chosen: Index of the chosen one.
        corrected: Its accuracy, corrected for having been chosen and for having learned from the
            other folds alone, and the interval.
        curve: Accuracy against the number of pictures; None where they are too few.
    """

    scores: tuple[CandidateScore, ...]
    chosen: int
    corrected: tuple[float, Interval]
    curve: LearningCurve | None

    @property
    def best(self) -> CandidateScore:
        """The chosen one."""
        return self.scores[self.chosen]


def candidates_of(
    taps: tuple[str, ...], heads: tuple[str, ...], pooling: str | None = None
) -> tuple[Candidate, ...]:
    """What is tried, what is to be chosen among equals first.

    Args:
        taps: Of the backbone, in order of depth.
        heads: Names, as ``"logistic"`` or ``"logistic:flatten"``; empty: all of them.
        pooling: What those see that name none; None: the taps, as `default_candidates` has it.

    Raises:
        SettingError: Those that are asked for cannot be pooled.
    """
    asked = tuple(head for head in heads if head != ENSEMBLE)
    alone = _alone(taps, asked or tuple(MEMBERS if heads else HEADS), pooling)
    if heads and ENSEMBLE not in heads:
        return alone
    pool = ensemble_of(alone, taps)
    if pool is None and heads:
        raise SettingError(
            f"an {ENSEMBLE} of {', '.join(asked or MEMBERS)} is asked for"
            + (f", of features pooled by {pooling}" if pooling else ""),
            f"two or more of {', '.join(MEMBERS)}, on the taps",
            f"--head {ENSEMBLE} alone takes all of them; leave --pooling out",
        )
    return (pool, *alone) if pool else alone


def must_be_known(heads: tuple[str, ...]) -> None:
    """Names of heads are judged before anything is read.

    Raises:
        SettingError: One is unknown.
    """
    for name, _, pooling in map(_parted, heads):
        if name != ENSEMBLE:
            make_head(name)
        elif pooling:
            raise SettingError(
                f"an {ENSEMBLE} on {pooling} pooling is asked for",
                f"{ENSEMBLE} without a pooling: its members see the backbone's taps",
                f"--head {ENSEMBLE}",
            )


def _alone(
    taps: tuple[str, ...], heads: tuple[str, ...], pooling: str | None
) -> tuple[Candidate, ...]:
    asked = [(name, way or pooling) for name, _, way in map(_parted, heads)]
    free = default_candidates(taps, [name for name, way in asked if way is None])
    pinned = [Candidate(name, (POOLINGS[way],), way != AVERAGE) for name, way in asked if way]
    return tuple(dict.fromkeys((*free, *pinned)))


def compare(prepared: Prepared, division: Division, recipe: Recipe, progress: Progress) -> Compared:
    """Score every candidate on the same folds, and choose one."""
    rows = division.train
    y, groups = prepared.manifest.class_indices[rows], prepared.groups[rows]
    candidates = candidates_of(depths(prepared.backbone), recipe.heads, recipe.pooling)
    last = prepared.backbone.tap_names[-1]
    seen = {last, *(name for candidate in candidates for name in candidate.taps)}
    taps = {name: prepared.features.taps[name][rows] for name in seen}
    scores = cross_validate(
        candidates,
        taps,
        y,
        groups,
        division.folds,
        seed=recipe.seed,
        progress=progress,
        threads=recipe.threads or num_cores(),
        race=not recipe.heads,  # What was asked for by name is judged by every picture.
    )
    chosen = choose(scores, y)
    estimate, interval = bias_corrected_best(
        np.stack([score.correct for score in scores]),
        groups,
        seed=recipe.seed,
        choose=choice_rule(scores, y),
    )
    curve = _curve(taps[last], y, groups, recipe)
    # Taking luck out of a score may not raise it: what is above is the resampling's own luck.
    estimate = min(estimate, scores[chosen].accuracy)
    return Compared(scores, chosen, with_all_rows(estimate, interval, curve, division.folds), curve)


def with_all_rows(
    estimate: float, interval: Interval, curve: LearningCurve | None, folds: Rows
) -> tuple[float, Interval]:
    """What cross-validation says of fits on the other folds, said of a fit on all rows.

    With five folds a fit sees four fifths of the pictures. The error falls by as much as the
    learning curve, a power law of ridge regression on the same pictures, falls from there on.

    Args:
        estimate: Accuracy of fits on the other folds.
        interval: Its own.
        curve: None: it is not known, and nothing is changed.
        folds: int [N], the fold of each row.
    """
    if curve is None:
        return estimate, interval
    others = len(folds) * (1 - 1 / len(np.unique(folds)))
    fall = float(curve.law.errors(len(folds))[0] / max(curve.law.errors(others)[0], 1e-12))
    gain = (1 - estimate) * (1 - min(fall, 1.0))
    low, high = min(1.0, interval.low + gain), min(1.0, interval.high + gain)
    return estimate + gain, replace(interval, low=low, high=high)


def _parted(head: str) -> tuple[str, str, str]:
    return head.partition(":")


def _curve(features: Array, y: Rows, groups: Rows, recipe: Recipe) -> LearningCurve | None:
    threads = recipe.threads or num_cores()
    try:
        return learning_curve(Rooted(features), y, groups, seed=recipe.seed, threads=threads)
    except NotEnoughData:
        return None
