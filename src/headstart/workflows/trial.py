"""One rung of the ladder, trained: fold by fold to be judged, and on all rows once it is taken."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headstart.backbones.engine import num_cores
from headstart.backbones.loading import request_of
from headstart.backbones.request import PLAIN
from headstart.datasets.splitting import folds
from headstart.feature_rows import Selected
from headstart.files import cache_folder
from headstart.finetuning.epoch_metrics import EpochMetrics, OnEpochMetrics
from headstart.finetuning.job import Tuned, tune
from headstart.finetuning.mirroring import (
    Mirroring,
    flip_hurts,
    mirrored_features,
    rows_to_mirror,
)
from headstart.finetuning.process import Interrupted
from headstart.finetuning.recipe import Tuning
from headstart.heads.fitted import FittedHead
from headstart.heads.fitting import fit_chosen
from headstart.layers import Array
from headstart.progress import Progress
from headstart.strategy.budget import Budget
from headstart.strategy.ladder import OutOfTime, Rung, rung_name, strategy_of
from headstart.workflows.comparing import Compared
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial_time import fold_seconds, reading_seconds

_VALIDATION_FOLDS = 7
_ENDS = {"patience": "it became no better", "time": "no time is left (--time-limit)"}
# A training that is begun when no time is left soon ends.
_LEAST_SECONDS = 1.0


@dataclass(eq=False)
class Trial:
    """Trains rungs on folds; every job is kept under a name of its own, so it can go on.

    Args:
        prepared: The dataset.
        division: Its training rows and folds.
        compared: The heads on frozen features.
        recipe: Every setting.
        progress: Told how it goes.
        on_epoch: Told every epoch's metrics.
        budget: For all trainings; what an earlier run has trained counts as it took then.
        metrics: Of every epoch so far.
    """

    prepared: Prepared
    division: Division
    compared: Compared
    recipe: Recipe
    progress: Progress
    on_epoch: OnEpochMetrics | None = None
    budget: Budget = field(default_factory=Budget)
    metrics: list[EpochMetrics] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.cache = self.recipe.cache or cache_folder()
        # Where mirror images are averaged, there is nothing to measure.
        self.mirroring = self._mirroring() if self.recipe.tta == PLAIN else None

    def rung(self, name: str) -> Rung:
        """What `strategy.ladder` asks fold by fold.

        Args:
            name: What learns, as `Tuning.train_from` says it.
        """
        tuning = self.tuning(name, self.division.train)
        numbers = np.unique(self.division.folds)

        def judge(fold: int) -> Array:
            held = self.division.folds == fold
            learns, judged = self.division.train[~held], self.division.train[held]
            self.progress.say(f"fold {np.sum(numbers <= fold)} of {len(numbers)}:")
            reserve = self.budget.reserved
            tuned = self.train(tuning, learns, judged, fold=fold, reserve=reserve)
            if tuned.was_interrupted:
                raise Interrupted
            if tuned.stopped == "time":
                raise OutOfTime
            return tuned.scores

        num_train = len(self.division.train)
        num_judged = round(num_train / len(numbers))
        seconds = fold_seconds(tuning, num_train - num_judged, self.recipe)
        # Of what frozen layers give, most is kept from the folds.
        last = fold_seconds(tuning, num_train, self.recipe, num_judged) + self.reading_seconds
        return Rung(rung_name(name), strategy_of(name), judge, seconds, last)

    @property
    def reading_seconds(self) -> int:
        """What it takes to read every picture through a tuned network, roughly."""
        return reading_seconds(len(self.prepared.manifest), self.recipe)

    def tuning(self, name: str, rows: Rows) -> Tuning:
        """The rung's settings for so many rows, with what was set by hand."""
        tuning = self.recipe.tuning_for(name, len(rows))
        hurts = self.mirroring is not None and self.mirroring.hurts
        return dataclasses.replace(tuning, mirror=False) if hurts else tuning

    def train(
        self,
        tuning: Tuning,
        rows: Rows,
        judged: Rows,
        *,
        fold: int | None = None,
        graph: bool = False,
        reserve: float = 0.0,
    ) -> Tuned:
        """Train on rows, a part of which chooses; judge others.

        Args:
            tuning: The recipe.
            rows: To learn from and to choose by.
            judged: Rows to give scores of.
            fold: That these are, for the metrics.
            graph: Whether the tuned network is wanted.
            reserve: Seconds of the budget that are not for this.
        """

        def metrics(record: dict[str, Any]) -> EpochMetrics:
            return EpochMetrics(tuning.train_from, fold, **record)

        def told(record: dict[str, Any]) -> None:
            self.progress.say(f"  {metrics(record).words}")
            if self.on_epoch:
                self.on_epoch(metrics(record))

        prepared, recipe = self.prepared, self.recipe
        y, groups = prepared.manifest.class_indices, prepared.groups
        chooses = folds(y[rows], groups[rows], num_folds=_VALIDATION_FOLDS, seed=recipe.seed) == 0
        digests = prepared.features.facts.digests
        tuned = tune(
            prepared.network,
            request_of(prepared.network.name, recipe.weights, recipe.seed, recipe.input_size),
            prepared.manifest.paths,
            digests,
            y,
            len(prepared.manifest.class_names),
            train=rows[~chooses],
            validation=rows[chooses],
            judged=judged,
            tuning=tuning,
            cache=self.cache,
            groups=groups,
            threads=recipe.threads,
            workers=recipe.workers,
            device=recipe.device,
            seed=recipe.seed,
            time_limit=self._time_limit(reserve),
            graph=graph,
            progress=self.progress,
            on_epoch=told,
        )
        if tuned.kept:
            self.progress.say("  kept from an earlier run")
        elif tuned.stopped in _ENDS:
            self.progress.say(f"  ended early: {_ENDS[tuned.stopped]}")
        self.metrics += map(metrics, tuned.history)
        self.budget.add(tuned.spent_before)
        return tuned

    def _time_limit(self, reserve: float) -> float | None:
        """Seconds for one training; None: no limit."""
        left = self.budget.left - reserve
        return None if math.isinf(left) else max(left, _LEAST_SECONDS)

    def fit_frozen(self, rows: Rows, temperature: float) -> FittedHead:
        """The chosen frozen candidate, fitted on rows."""
        candidate, features = self.compared.best.candidate, self.prepared.features
        return fit_chosen(
            candidate,
            {name: Selected(features.taps[name], rows) for name in candidate.taps},
            np.unique(self.prepared.manifest.class_indices[rows], return_inverse=True)[1],
            self.prepared.groups[rows],
            temperature,
            seed=self.recipe.seed,
            threads=self.recipe.threads or num_cores(),
        )

    def _mirroring(self) -> Mirroring:
        """Judged on the first fold by a head that was not fitted on it."""
        held = self.division.folds == self.division.folds.min()
        learns, judged = self.division.train[~held], self.division.train[held]
        judged = judged[rows_to_mirror(len(judged), self.recipe.seed)]
        candidate, features = self.compared.best.candidate, self.prepared.features
        y, groups = self.prepared.manifest.class_indices, self.prepared.groups
        head = self.fit_frozen(learns, 1.0)
        paths = [self.prepared.manifest.path(row) for row in judged]
        turned = mirrored_features(
            self.prepared.backbone,
            paths,
            candidate.taps,
            self.recipe.threads,
            self.recipe.device,
        )
        known = np.unique(y[learns])
        return flip_hurts(
            head.layers_,
            features.joined(candidate.taps, judged),
            np.concatenate([turned[name] for name in candidate.taps], axis=1),
            np.searchsorted(known, y[judged]),
            groups[judged],
            self.recipe.seed,
        )
