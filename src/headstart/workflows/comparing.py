"""Heads on frozen features, compared by cross-validation on the training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.backbones.engine import num_cores
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.selection import (
    Candidate,
    CandidateScore,
    choice_rule,
    choose,
    cross_validate,
    default_candidates,
)
from headstart.metrics.comparison import bias_corrected_best
from headstart.metrics.intervals import Interval
from headstart.progress import Progress
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared
from headstart.workflows.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Compared:
    """Every frozen candidate, and the one that was chosen.

    Args:
        scores: Out-of-fold scores of the training rows.
        chosen: Index of the chosen one.
        corrected: Its accuracy, corrected for having been chosen, and the interval.
    """

    scores: tuple[CandidateScore, ...]
    chosen: int
    corrected: tuple[float, Interval]

    @property
    def best(self) -> CandidateScore:
        """The chosen one."""
        return self.scores[self.chosen]


def candidates_of(taps: tuple[str, ...], heads: tuple[str, ...]) -> tuple[Candidate, ...]:
    """What is tried.

    Args:
        taps: Of the backbone, in order of depth.
        heads: Names; empty: all of them.

    Raises:
        SettingError: A name is unknown.
    """
    for name in heads:
        make_head(name)
    return default_candidates(taps, heads or tuple(HEADS))


def compare(prepared: Prepared, division: Division, recipe: Recipe, progress: Progress) -> Compared:
    """Score every candidate on the same folds, and choose one."""
    rows = division.train
    y, groups = prepared.manifest.class_indices[rows], prepared.groups[rows]
    scores = cross_validate(
        candidates_of(prepared.backbone.tap_names, recipe.heads),
        {name: values[rows] for name, values in prepared.features.taps.items()},
        y,
        groups,
        division.folds,
        seed=recipe.seed,
        progress=progress,
        threads=recipe.threads or num_cores(),
    )
    chosen = choose(scores, y)
    estimate, interval = bias_corrected_best(
        np.stack([score.correct for score in scores]),
        groups,
        seed=recipe.seed,
        choose=choice_rule(scores, y),
    )
    # Taking luck out of a score may not raise it: what is above is the resampling's own luck.
    return Compared(scores, chosen, (min(estimate, scores[chosen].accuracy), interval))
