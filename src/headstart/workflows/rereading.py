"""A prepared dataset read once more, with another backbone, as far as one asks."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.backbones.catalog import parts
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.datasets.duplicates import find_duplicates
from headstart.features.extraction import extract
from headstart.features.feature_set import FeatureSet
from headstart.features.store import FeatureStore
from headstart.files import cache_folder
from headstart.metrics.comparison import Correct
from headstart.progress import Progress
from headstart.randomness import generator
from headstart.strategy.backbone_choice import Unfit, left_out_correct
from headstart.workflows.preparing import Prepared, Rows, describe
from headstart.workflows.recipe import Recipe

_TIMED = 8


def seconds_of(backbone: Backbone) -> float:
    """Of one processor core, for one picture: the median of a few."""
    engine = Engine(backbone.graph, backbone.tap_names, threads=1, precision=backbone.precision)
    shape = (_TIMED, engine.size, engine.size, 3)
    spent = []
    for pixels in generator(0, "timing").integers(0, 256, shape, dtype=np.uint8):
        began = time.process_time()
        engine.run(pixels)
        spent.append(time.process_time() - began)
    return statistics.median(spent)


class Reader:
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
        manifest = before.manifest.select(features.indices)
        found = before.duplicates
        if not is_whole:
            found = find_duplicates(features.facts.prints, manifest.class_indices)
        return Prepared(
            manifest=manifest,
            backbone=self.backbone,
            features=dataclasses.replace(features, computed=self._computed),
            duplicates=found,
            groups=before.groups[features.indices],
            unusable=(*before.unusable, *features.unusable),
            single=self._single(),
            names=before.names,
        )

    def _single(self) -> Backbone | None:
        name, *others = parts(self.backbone.name)
        if not others or name == self._before.backbone.name:
            return self._before.backbone if others else None
        recipe = self._recipe
        return load_backbone(
            name,
            cache=recipe.cache or cache_folder(),
            seed=recipe.seed,
            input_size=recipe.input_size,
            tta=recipe.tta,
        )

    def _extract(self, rows: Sequence[int]) -> FeatureSet:
        manifest = self._before.manifest
        features = extract(
            (manifest.path(row) for row in rows),
            [manifest.ids[row] for row in rows],
            self.backbone,
            self._store,
            threads=self._recipe.threads,
            device=self._recipe.device,
            progress=self._progress,
        )
        self._computed += features.computed
        return features
