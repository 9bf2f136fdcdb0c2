"""Heads on frozen features, compared by cross-validation on the training rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import num_cores
from headstart.backbones.request import AVERAGE, POOLINGS
from headstart.errors import SettingError
from headstart.feature_rows import Selected
from headstart.features.on_disk import array_on_disk
from headstart.files import cache_folder
from headstart.heads.candidates import Candidate, default_candidates, ensemble_of
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.cross_validation import Room, cross_validate, in_memory
from headstart.heads.ensemble import ENSEMBLE, MEMBERS
from headstart.heads.selection import CandidateScore, choice_rule, choose
from headstart.layers import Array, Layer
from headstart.metrics.comparison import bias_corrected_best
from headstart.metrics.intervals import Interval
from headstart.progress import Progress
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, depths
from headstart.workflows.recipe import Recipe

_MOST_IN_MEMORY = 125_000_000  # numbers of all candidates' scores: half a gigabyte


@dataclass(frozen=True, eq=False)
class Compared:
    """Every frozen candidate, and the one that was chosen.

    Args:
        scores: Out-of-fold scores of the training rows.
        chosen: Index of the chosen one.
        corrected: Its accuracy, corrected for having been chosen, and the interval. Of fits on the
            other folds: what the rest of the pictures adds is not counted on.
        known: What `left_out` was known before anything was compared.
    """

    scores: tuple[CandidateScore, ...]
    chosen: int
    corrected: tuple[float, Interval]
    known: Mapping[tuple[str, ...], npt.NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def best(self) -> CandidateScore:
        """The chosen one."""
        return self.scores[self.chosen]

    @property
    def layers(self) -> dict[Candidate, tuple[Layer, ...]]:
        """Of the heads that were fitted on all training rows on the way."""
        return {score.candidate: score.layers for score in self.scores if score.layers}

    @property
    def left_out(self) -> dict[tuple[str, ...], npt.NDArray[np.bool_]]:
        """By taps: which training rows ridge regression on these has right without their group.

        Of those that were fitted on all training rows on the way.
        """
        known = ((score.candidate.taps, score.left_out) for score in self.scores)
        fitted = {taps: correct for taps, correct in known if correct is not None}
        return {**self.known, **fitted}


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
    seen = {name for candidate in candidates for name in candidate.taps}
    taps = {name: Selected(prepared.features.taps[name], rows) for name in seen}
    known = prepared.left_out(rows)
    scores = cross_validate(
        candidates,
        taps,
        y,
        groups,
        division.folds,
        decomposed=known.rows if known else None,
        seed=recipe.seed,
        progress=progress,
        threads=recipe.threads or num_cores(),
        race=not recipe.heads,  # What was asked for by name is judged by every picture.
        room=_room(recipe.cache or cache_folder()),
    )
    if known:
        known.rows.clear()  # Nobody else needs them.
    num_folds = len(np.unique(division.folds))
    chosen = choose(scores, y, num_folds)
    estimate, interval = bias_corrected_best(
        np.stack([score.correct for score in scores]),
        groups,
        seed=recipe.seed,
        choose=choice_rule(scores, y, num_folds),
    )
    # Taking luck out of a score may not raise it: what is above is the resampling's own luck.
    estimate = min(estimate, scores[chosen].accuracy)
    return Compared(scores, chosen, (estimate, interval), known.correct if known else {})


def _room(folder: Path) -> Room:
    """Memory, but for gigabytes of scores, as of thousands of classes: the disk."""

    def room(shape: tuple[int, ...]) -> Array:
        is_much = math.prod(shape) > _MOST_IN_MEMORY
        return array_on_disk(shape, folder) if is_much else in_memory(shape)

    return room


def _parted(head: str) -> tuple[str, str, str]:
    return head.partition(":")
