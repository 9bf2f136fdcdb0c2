"""`--backbone auto`: a backbone is chosen on the training pictures, then reads all of them."""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Sequence

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.backbones.catalog import DEFAULT, OFFLINE, contenders
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.datasets.duplicates import find_duplicates
from headstart.errors import SettingError
from headstart.features.extraction import extract
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore
from headstart.files import cache_folder
from headstart.metrics.comparison import Correct
from headstart.progress import Progress
from headstart.randomness import generator
from headstart.strategy.backbone_choice import (
    BackboneChoice,
    Contender,
    Unfit,
    choose_backbone,
    left_out_correct,
)
from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.preparing import Prepared, Rows, describe, prepare
from headstart.workflows.recipe import Recipe

_TIMED = 8


def prepare_chosen(
    pictures: str | os.PathLike[str], recipe: Recipe, progress: Progress
) -> tuple[Prepared, BackboneChoice | None]:
    """`prepare` with the recipe's backbone, or with the one that is chosen where it says ``auto``.

    The default backbone (or the first that is named) reads all pictures first: what is a copy of
    what, and so which pictures train, does not depend on the backbone.

    Raises:
        SettingError: Weights are given for a backbone that is not known yet; a name is unknown.
        DatasetError, WeightsError, StoreError: As `prepare`.
    """
    names = contenders(recipe.backbone)
    if not names:
        return prepare(pictures, recipe, progress), None
    if recipe.weights is not None:
        raise SettingError(
            f"the weights are {str(recipe.weights)!r}, and the backbone is {recipe.backbone!r}",
            "weights of one backbone",
            "name the backbone, or leave the weights out (on the command line: --weights)",
        )
    cache = recipe.cache or cache_folder()
    # All of them now: a wrong name is refused before a picture is read.
    backbones = {
        name: load_backbone(
            name,
            cache=cache,
            seed=recipe.seed,
            input_size=recipe.input_size,
            pooling=recipe.poolings,
            progress=progress,
        )
        for name in names
    }
    first = DEFAULT if DEFAULT in names else names[0]
    prepared = prepare(pictures, dataclasses.replace(recipe, backbone=first), progress)
    precision = prepared.backbone.precision  # as given, or as found on these pictures
    readers = {
        name: _Reader(dataclasses.replace(each, precision=precision), prepared, recipe, progress)
        for name, each in backbones.items()
    }
    choice = _choose(prepared, readers, recipe, progress)
    for line in choice.words():
        progress.say(line)
    return readers[choice.chosen].prepared(), choice


def _choose(
    prepared: Prepared, readers: dict[str, _Reader], recipe: Recipe, progress: Progress
) -> BackboneChoice:
    y, groups = prepared.manifest.class_indices, prepared.groups
    # The split that training will make: test pictures have no say.
    train = rows_of(split_of(prepared, recipe), "train")
    progress.say(f"choosing a backbone among {len(readers)}, on training pictures only")
    return choose_backbone(
        [_contender(reader.backbone) for reader in readers.values()],
        y[train],
        groups[train],
        lambda name, rows: readers[name].correct(train[rows]),
        seed=recipe.seed,
        time_limit=recipe.time_limit,
    )


def _contender(backbone: Backbone) -> Contender:
    known = OFFLINE.get(backbone.name)
    return Contender(backbone.name, _seconds(backbone), known.prior if known else None)


def _seconds(backbone: Backbone) -> float:
    """Of one processor core, for one picture: the median of a few."""
    engine = Engine(backbone.graph, backbone.tap_names, threads=1, precision=backbone.precision)
    shape = (_TIMED, engine.size, engine.size, 3)
    spent = []
    for pixels in generator(0, "timing").integers(0, 256, shape, dtype=np.uint8):
        began = time.process_time()
        engine.run(pixels)
        spent.append(time.process_time() - began)
    return statistics.median(spent)


class _Reader:
    """Reads a prepared dataset with another backbone, as far as it is asked to."""

    def __init__(
        self, backbone: Backbone, prepared: Prepared, recipe: Recipe, progress: Progress
    ) -> None:
        self.backbone = backbone
        self._before, self._recipe, self._progress = prepared, recipe, progress
        self._store = FeatureStore(recipe.cache or cache_folder(), backbone)
        self._computed = 0

    def correct(self, rows: Rows) -> Correct:
        """Which rows a probe gets right; one that the backbone cannot use counts as wrong."""
        digests = self._before.features.facts.digests
        if lacking := [int(row) for row in rows if digests[row] not in self._store]:
            self._extract(lacking)
        usable = np.array([digests[row] in self._store for row in rows])
        if not usable.any():
            raise Unfit(f"none of {len(rows)} pictures gave features")
        taps, _ = self._store.load([digests[row] for row in rows[usable]])
        y, groups = self._before.manifest.class_indices[rows], self._before.groups[rows]
        correct = np.zeros(len(rows), dtype=bool)
        correct[usable] = left_out_correct(taps, y[usable], groups[usable])
        return correct

    def prepared(self) -> Prepared:
        """The dataset with this backbone's features of every picture."""
        before = self._before
        if self.backbone == before.backbone:
            return before
        self._progress.say(describe(self.backbone))
        features = self._extract(range(len(before.manifest)))
        is_whole = len(features) == len(before.manifest)
        return Prepared(
            manifest=before.manifest.select(features.indices),
            backbone=self.backbone,
            features=dataclasses.replace(features, computed=self._computed),
            duplicates=before.duplicates if is_whole else find_duplicates(features.facts),
            groups=before.groups[features.indices],
            unusable=(*before.unusable, *features.unusable),
        )

    def _extract(self, rows: Sequence[int]) -> FeatureSet:
        manifest = self._before.manifest
        features = extract(
            (manifest.path(row) for row in rows),
            [manifest.ids[row] for row in rows],
            self.backbone,
            self._store,
            threads=self._recipe.threads,
            progress=self._progress,
        )
        self._computed += features.computed
        return features
