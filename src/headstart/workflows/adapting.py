"""The backbone adapted, rung by rung, as far as the evidence asks for it or a person does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.datasets.manifest import counted
from headstart.errors import DatasetError, NotEnoughData
from headstart.features.extraction import extract
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore
from headstart.finetuning.epoch_metrics import EpochMetrics, OnEpochMetrics
from headstart.finetuning.job import Tuned
from headstart.finetuning.mirroring import Mirroring
from headstart.finetuning.process import Interrupted
from headstart.finetuning.recipe import Tuning
from headstart.heads.ensemble import ENSEMBLE
from headstart.heads.fitted import FittedHead
from headstart.layers import Array, Layer, Pool
from headstart.model.beside import TAP, beside
from headstart.progress import Progress
from headstart.strategy.answers import Answers
from headstart.strategy.budget import Budget
from headstart.strategy.ladder import (
    Climb,
    Rung,
    Step,
    climb,
    nothing_tried,
    rung_name,
    strategy_of,
)
from headstart.strategy.matrix import Matrix
from headstart.workflows.comparing import Compared
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial import Trial

# What the automatic ladder may spend, the last training included, in seconds.
TIME_LIMIT = 1200.0
# A class needs pictures to learn from, to choose by and to be judged by.
_LEAST_PER_CLASS = 4
# Of an ONNX file in one piece 2 GiB can be read.
_LARGEST_GRAPH = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Adapted:
    """What became of the ladder, and the tuned network where one was taken.

    Args:
        climb: Every rung that came up.
        mirroring: Whether mirrored pictures may be trained on; None: not asked.
        tuning: Settings of the rung that was taken; None: frozen stands.
        backbone, features, head: The tuned backbone, its features of all rows, its head.
        taps: Those that the head sees.
        answers: Of the rung that was taken, about held-out training rows.
        tuned: The last training.
        metrics: Of every epoch of every training.
        was_asked_for: Whether a person wanted a rung, and got none.
        without_effect: Names of settings of fine-tuning that were given, but nothing was tuned.
    """

    climb: Climb
    mirroring: Mirroring | None = None
    tuning: Tuning | None = None
    backbone: Backbone | None = None
    features: FeatureSet | None = None
    head: FittedHead | None = None
    taps: tuple[str, ...] = ()
    answers: Answers | None = None
    tuned: Tuned | None = None
    metrics: tuple[EpochMetrics, ...] = ()
    was_asked_for: bool = False
    without_effect: tuple[str, ...] = ()

    @property
    def is_interrupted(self) -> bool:
        """Whether a person ended a trial, or the last training."""
        return self._last_ended_by("interrupted") or self.climb.is_interrupted

    @property
    def is_out_of_time(self) -> bool:
        """Whether the last training was ended by the time limit."""
        return self._last_ended_by("time")

    def _last_ended_by(self, what: str) -> bool:
        return self.tuned is not None and self.tuned.stopped == what


def adapt(
    prepared: Prepared,
    division: Division,
    compared: Compared,
    matrix: Matrix,
    recipe: Recipe,
    progress: Progress,
    on_epoch: OnEpochMetrics | None = None,
) -> Adapted:
    """Climb the ladder, and train the rung that was taken on all training rows.

    Ctrl-C ends what is being trained: the frozen candidate stands, or in the last training the
    best weights so far. ``on_epoch`` is told the metrics of every epoch.

    Raises:
        NotEnoughData: A person asked for a training that so few pictures do not allow.
        StoreError: There is no room for what training keeps.
    """
    names = rungs_for(recipe, matrix)
    reason = _why_not(prepared, division, recipe, matrix)
    if reason or not names:
        steps = [Rung(rung_name(name), strategy_of(name), _never) for name in names]
        return Adapted(nothing_tried(steps, reason), without_effect=tuple(recipe.tuning_settings))
    frozen = frozen_answers(compared, prepared, division)
    limit = recipe.time_limit or (None if recipe.tunes_by_hand else TIME_LIMIT)
    trial = Trial(prepared, division, compared, recipe, progress, on_epoch, Budget(limit))
    rungs = [trial.rung(name) for name in names]
    progress.say(_announced(rungs[0], limit))
    found = climb(
        frozen,
        rungs,
        prepared.manifest.class_indices[division.train],
        prepared.groups[division.train],
        division.folds,
        seed=recipe.seed,
        budget=trial.budget,
        must_take=recipe.tunes_by_hand,
        may_pool=_may_pool(prepared, recipe),
    )
    for step in found.steps:
        name = step.name if step.pooled else step.rung.name
        progress.say(f"{name}: {step.outcome}, {step.reason}")
    if found.best is None or found.best.answers is None:
        return Adapted(
            found,
            trial.mirroring,
            metrics=tuple(trial.metrics),
            was_asked_for=recipe.tunes_by_hand,
        )
    tuning = trial.tuning(names[found.taken or 0], division.train)
    try:
        return _finished(prepared, division, found, trial, tuning, recipe, progress)
    except Interrupted:
        frozen_stands = dataclasses.replace(found, taken=None, is_interrupted=True)
        return Adapted(frozen_stands, trial.mirroring, metrics=tuple(trial.metrics))


def rungs_for(recipe: Recipe, matrix: Matrix) -> tuple[str, ...]:
    """What may be trained, from the cheapest to the dearest; empty: keep the network frozen."""
    if recipe.strategy == "freeze":
        return ()
    if recipe.train_from:
        return (recipe.train_from,)
    by_hand = {"partial": ("top1", "top2", "top3"), "full": ("all",), "scratch": ("scratch",)}
    if recipe.strategy in by_hand:
        return by_hand[recipe.strategy]
    return matrix.rungs


def frozen_answers(compared: Compared, prepared: Prepared, division: Division) -> Answers:
    """The chosen frozen candidate's, about every training row."""
    y = prepared.manifest.class_indices[division.train]
    return Answers.of(compared.best.scores, np.ones(len(y), dtype=bool), y)


def _why_not(prepared: Prepared, division: Division, recipe: Recipe, matrix: Matrix) -> str:
    """Why nothing is tried, in words; empty: something is."""
    if recipe.strategy == "freeze":
        return "the network is to stay frozen"
    if not prepared.backbone.pretrained and not recipe.tunes_by_hand:
        return "the weights are random"
    y, groups = prepared.manifest.class_indices[division.train], prepared.groups[division.train]
    fewest = min(len(np.unique(groups[y == k])) for k in np.unique(y))
    if fewest < _LEAST_PER_CLASS:
        few = f"a class has only {counted(fewest, 'independent picture', 'independent pictures')}"
        if recipe.tunes_by_hand:
            raise NotEnoughData(
                f"the network is to be tuned ({rung_name(recipe.first_rung)}), but {few}",
                f"{_LEAST_PER_CLASS} or more of every class: to learn from, to choose by and to be "
                "judged by",
                "add pictures, leave the class out, or keep the network frozen",
            )
        return few
    if not recipe.tunes_by_hand and not matrix.expectation.is_worth_trying:
        return matrix.expectation.words
    return ""


def _finished(
    prepared: Prepared,
    division: Division,
    found: Climb,
    trial: Trial,
    tuning: Tuning,
    recipe: Recipe,
    progress: Progress,
) -> Adapted:
    """The rung that was taken, trained on all training rows, with its features of every picture."""
    assert found.best is not None and found.best.answers is not None
    progress.say(f"{found.best.rung.name}: training on all {len(division.train)} pictures")
    pace = found.best.last / found.best.rung.last
    reserve = pace * trial.reading_seconds
    tuned = trial.train(tuning, division.train, division.test, graph=True, reserve=reserve)
    assert tuned.backbone is not None
    backbone = dataclasses.replace(tuned.backbone, precision=prepared.backbone.precision)
    taps: tuple[str, ...] = (backbone.tap_names[-1],)
    layers = tuned.layers
    features = extract(
        prepared.manifest.paths,
        prepared.manifest.ids,
        backbone,
        FeatureStore(trial.cache, backbone),
        threads=recipe.threads,
        device=recipe.device,
        progress=progress,
    )
    if len(features) < len(prepared.manifest):
        lost = features.unusable[0]
        raise DatasetError(
            f"{lost.path} gives no features in the tuned network ({lost.reason}: {lost.detail})",
            "pictures that stay as they are, and weights that stay finite",
            "run it again, what was trained is kept; or with a smaller --learning-rate",
        )
    if _needs_frozen(found.best, prepared, recipe):
        features = features.behind(prepared.features, TAP)
        backbone = beside(prepared.backbone, backbone, _place_beside(prepared.backbone, backbone))
        taps = (TAP,)
    if found.best.pooled and found.best.alone:
        taps, layers = _with_frozen(trial, backbone, tuned, found.best.alone.temperature)
    return Adapted(
        climb=found,
        mirroring=trial.mirroring,
        tuning=tuning,
        backbone=backbone,
        features=features,
        head=FittedHead(layers, found.best.answers.temperature),
        taps=taps,
        answers=found.best.answers,
        tuned=tuned,
        metrics=tuple(trial.metrics),
    )


def _needs_frozen(step: Step, prepared: Prepared, recipe: Recipe) -> bool:
    """Whether the frozen network stays beside the tuned one.

    To be pooled with it; or to say what is unfamiliar, where training has changed every layer and
    so drawn the pictures of a class together, and everything else with them.
    """
    return step.pooled or (step.rung.strategy == "full" and _may_pool(prepared, recipe))


def _may_pool(prepared: Prepared, recipe: Recipe) -> bool:
    """Whether a tuned network may be used together with the frozen candidate.

    Not where heads were named: these are asked for alone; nor where one file cannot hold both.
    """
    if recipe.heads and ENSEMBLE not in recipe.heads:
        return False
    graphs = (prepared.backbone.graph, prepared.network.graph)
    return sum(graph.stat().st_size for graph in graphs) < _LARGEST_GRAPH


def _place_beside(frozen: Backbone, tuned: Backbone) -> Path:
    """Where both are written: with the tuned one, under a name that says what stands beside it."""
    return tuned.graph.with_name(f"beside-{frozen.fingerprint[:16]}.onnx")


def _with_frozen(
    trial: Trial, backbone: Backbone, tuned: Tuned, temperature: float
) -> tuple[tuple[str, ...], tuple[Layer, ...]]:
    """The taps and layers that pool the frozen candidate, fitted on all rows, with the tuned head.

    Args:
        trial: What was compared, on which rows.
        backbone: Both networks.
        tuned: The training on all rows.
        temperature: Of the tuned head's scores.
    """
    best = trial.compared.best
    frozen = trial.fit_frozen(trial.division.train, best.temperature)
    taps = (*best.candidate.taps, TAP)
    dims = {tap.name: tap.dim for tap in backbone.taps}
    first = sum(dims[name] for name in best.candidate.taps)
    pool = Pool(
        branches=(frozen.layers_, tuned.layers),
        columns=((0, first), (first, first + dims[TAP])),
        weights=(1 / best.temperature, 1 / temperature),
    )
    return taps, (pool,)


def _announced(first: Rung, limit: float | None) -> str:
    """What will be tried and how long that may take."""
    least = f"trying to tune the {first.name}: about {first.seconds:.0f} s for each fold"
    return least + (f"; {limit:.0f} s for all of it (--time-limit)" if limit else "")


def _never(_fold: int) -> Array:
    raise AssertionError("a rung that is not tried was asked")
