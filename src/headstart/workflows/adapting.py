"""The backbone adapted, rung by rung, as far as the evidence asks for it or a person does."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.backbones.devices import CPU, device_of
from headstart.backbones.engine import num_cores
from headstart.backbones.loading import request_of
from headstart.backbones.request import PLAIN
from headstart.datasets.splitting import folds
from headstart.features.extraction import extract
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore
from headstart.files import cache_folder, canonical_json, sha256
from headstart.finetuning.epoch_metrics import EpochMetrics, OnEpochMetrics
from headstart.finetuning.job import Tuned, tune
from headstart.finetuning.mirroring import (
    Mirroring,
    flip_hurts,
    mirrored_features,
    rows_to_mirror,
)
from headstart.finetuning.recipe import Tuning
from headstart.heads.ensemble import ENSEMBLE
from headstart.heads.fitted import FittedHead
from headstart.heads.fitting import fit_chosen
from headstart.layers import Array, Layer, Pool
from headstart.model.beside import TAP, beside
from headstart.progress import Progress
from headstart.strategy.ladder import Answers, Climb, Rung, climb, nothing_tried
from headstart.strategy.matrix import Matrix
from headstart.workflows.comparing import Compared
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe

# What the automatic ladder may spend on trials unless it is told otherwise, in seconds.
TIME_LIMIT = 600.0
# A class needs pictures to learn from, to choose by and to be judged by.
_LEAST_PER_CLASS = 4
_VALIDATION_FOLDS = 7
_NAMES = {"affine": "scales and shifts", "all": "whole network", "scratch": "from scratch"}
# Of an ONNX file in one piece 2 GiB can be read.
_LARGEST_GRAPH = 2_000_000_000
_STRATEGIES = {"all": "full", "affine": "full", "scratch": "scratch"}
# Pictures a second of a training step on two cores at 224 pixels, to judge by whether a rung can
# end in time; the first fold that is run replaces them.
_RATES = {"top1": 350.0, "top2": 100.0, "all": 20.0, "affine": 20.0, "scratch": 20.0}
_READING_RATE = 200.0
# How many times as fast a card is: little for any, and replaced likewise.
_ON_A_CARD = 10


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

    ``on_epoch`` is told the metrics of every epoch.

    Raises:
        StoreError: There is no room for what training keeps.
    """
    names = rungs_for(recipe, matrix)
    reason = _why_not(prepared, division, recipe, matrix)
    if reason or not names:
        steps = [Rung(rung_name(name), _strategy(name), _never) for name in names]
        return Adapted(nothing_tried(steps, reason))
    frozen = frozen_answers(compared, prepared, division)
    trial = Trial(prepared, division, compared, recipe, progress, on_epoch)
    limit = recipe.time_limit or (None if recipe.tunes_by_hand else TIME_LIMIT)
    rungs = [trial.rung(name) for name in names]
    progress.say(_announced(rungs[0], limit))
    found = climb(
        frozen,
        rungs,
        prepared.manifest.class_indices[division.train],
        prepared.groups[division.train],
        division.folds,
        seed=recipe.seed,
        time_limit=limit,
        must_take=recipe.tunes_by_hand,
        may_pool=_may_pool(prepared, recipe),
        clock=trial.clock,
    )
    for step in found.steps:
        name = step.name if step.pooled else step.rung.name
        progress.say(f"{name}: {step.outcome}, {step.reason}")
    if found.best is None or found.best.answers is None:
        return Adapted(found, trial.mirroring, metrics=tuple(trial.metrics))
    tuning = trial.tuning(names[found.taken or 0], division.train)
    return _finished(prepared, division, found, trial, tuning, recipe, progress)


def rungs_for(recipe: Recipe, matrix: Matrix) -> tuple[str, ...]:
    """What may be trained, from the cheapest to the dearest; empty: keep the network frozen."""
    if recipe.strategy == "freeze":
        return ()
    if recipe.train_from:
        return (recipe.train_from,)
    by_hand = {"partial": ("top1", "top2", "top3"), "full": ("all",), "scratch": ("scratch",)}
    if recipe.strategy in by_hand:
        return by_hand[recipe.strategy]
    # Where the last layers serve the pictures less, or the shift is early, begin deeper.
    last = [depth.name for depth in matrix.fitness.depths if depth.name != "all taps"][-1]
    is_far = matrix.percentile is not None and matrix.percentile < 50
    deeper = is_far or matrix.fitness.best_single.name != last
    return ("top2", "top3", "all") if deeper else ("top1", "top2", "all")


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
        return f"a class has only {fewest} independent pictures"
    if not recipe.tunes_by_hand and not matrix.expectation.is_worth_trying:
        return matrix.expectation.words
    return ""


@dataclass(eq=False)
class Trial:
    """Trains rungs on folds; every job is kept under a name of its own, so it can go on."""

    prepared: Prepared
    division: Division
    compared: Compared
    recipe: Recipe
    progress: Progress
    on_epoch: OnEpochMetrics | None = None
    metrics: list[EpochMetrics] = field(default_factory=list, init=False)
    _kept: float = field(default=0.0, init=False)

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

        def judge(fold: int) -> Array:
            held = self.division.folds == fold
            learns, judged = self.division.train[~held], self.division.train[held]
            return self.train(tuning, learns, judged, fold=fold).scores

        return Rung(rung_name(name), _strategy(name), judge, self._seconds(name, tuning))

    def clock(self) -> float:
        """Seconds, trainings that an earlier run has done counted as they took then.

        Else the same command would go further up the ladder the second time.
        """
        return time.monotonic() + self._kept

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
    ) -> Tuned:
        """Train on rows, a part of which chooses; judge others.

        Args:
            tuning: The recipe.
            rows: To learn from and to choose by.
            judged: Rows to give scores of.
            fold: That these are, for the metrics.
            graph: Whether the tuned network is wanted.
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
            folder=self._folder(tuning, rows, judged, graph),
            threads=recipe.threads,
            workers=recipe.workers,
            device=recipe.device,
            seed=recipe.seed,
            graph=graph,
            progress=self.progress,
            on_epoch=told,
        )
        self.metrics += map(metrics, tuned.history)
        self._kept += tuned.spent if tuned.kept else 0.0
        return tuned

    def fit_frozen(self, rows: Rows, temperature: float) -> FittedHead:
        """The chosen frozen candidate, fitted on rows."""
        candidate, features = self.compared.best.candidate, self.prepared.features
        return fit_chosen(
            candidate,
            {name: features.taps[name][rows] for name in candidate.taps},
            np.unique(self.prepared.manifest.class_indices[rows], return_inverse=True)[1],
            self.prepared.groups[rows],
            temperature,
            seed=self.recipe.seed,
            threads=self.recipe.threads or num_cores(),
        )

    def _folder(self, tuning: Tuning, rows: Rows, judged: Rows, graph: bool) -> Path:
        digests, labels = self.prepared.features.facts.digests, self.prepared.manifest.labels
        record = {
            "backbone": self.prepared.network.fingerprint,
            "tta": self.recipe.tta,
            "tuning": tuning.to_json(),
            "learns": [[digests[row].hex(), labels[row]] for row in rows],
            "judged": [digests[row].hex() for row in judged],
            "all": sha256(b"".join(digests)),
            "seed": self.recipe.seed,
            "threads": self.recipe.threads,
            "workers": self.recipe.workers,
            "device": device_of(self.recipe.device),
            "graph": graph,
        }
        return self.cache / "tuning" / sha256(canonical_json(record).encode())[:24]

    def _seconds(self, name: str, tuning: Tuning) -> float:
        """Of one fold: the frozen part read once, then the steps."""
        num_rows = len(self.division.train) * (1 - 1 / len(np.unique(self.division.folds)))
        rate = _RATES.get(name, _RATES["top2"])
        rate *= 1 if device_of(self.recipe.device) == CPU else _ON_A_CARD
        reading = num_rows * tuning.views / _READING_RATE if tuning.is_partial else 0.0
        return math.ceil(reading + num_rows * tuning.epochs / rate)

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
    tuned = trial.train(tuning, division.train, division.test, graph=True)
    assert tuned.backbone is not None
    backbone = dataclasses.replace(tuned.backbone, precision=prepared.backbone.precision)
    taps: tuple[str, ...] = (backbone.tap_names[-1],)
    layers: tuple[Layer, ...] = (tuned.head,)
    features = extract(
        prepared.manifest.paths,
        prepared.manifest.ids,
        backbone,
        FeatureStore(trial.cache, backbone),
        threads=recipe.threads,
        device=recipe.device,
        progress=progress,
    )
    if found.best.pooled and found.best.alone:
        features = features.behind(prepared.features, TAP)
        backbone = beside(prepared.backbone, backbone, _place_beside(prepared.backbone, backbone))
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
        branches=(frozen.layers_, (tuned.head,)),
        columns=((0, first), (first, first + dims[TAP])),
        weights=(1 / best.temperature, 1 / temperature),
    )
    return taps, (pool,)


def _announced(first: Rung, limit: float | None) -> str:
    """What will be tried and how long that may take."""
    least = f"trying to tune the {first.name}: about {first.seconds:.0f} s for each fold"
    return least + (f"; {limit:.0f} s for all trials (--time-limit)" if limit else "")


def rung_name(train_from: str) -> str:
    """What people call a rung."""
    number = train_from.removeprefix("top")
    if number.isdigit():
        return "last block" if number == "1" else f"last {number} blocks"
    return _NAMES.get(train_from, f"from {train_from}")


def _strategy(train_from: str) -> str:
    return _STRATEGIES.get(train_from, "partial")


def _never(_fold: int) -> Array:
    raise AssertionError("a rung that is not tried was asked")
