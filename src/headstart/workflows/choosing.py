"""`--backbone auto`: a backbone is chosen on the training pictures, then reads all of them."""

from __future__ import annotations

import dataclasses
import os

from headstart.backbones.backbone import Backbone
from headstart.backbones.catalog import DEFAULT, OFFLINE, contenders
from headstart.backbones.loading import load_backbone
from headstart.errors import SettingError
from headstart.files import cache_folder
from headstart.progress import Progress
from headstart.strategy.backbone_choice import (
    BackboneChoice,
    Contender,
    choose_backbone,
)
from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.preparing import Prepared, prepare
from headstart.workflows.recipe import Recipe
from headstart.workflows.rereading import Reader, seconds_of
from headstart.workflows.widening import prepare_widened


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
    if recipe.backbone is None:
        return prepare_widened(pictures, recipe, progress)
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
            tta=recipe.tta,
            pooling=recipe.poolings,
            progress=progress,
        )
        for name in names
    }
    first = DEFAULT if DEFAULT in names else names[0]
    prepared = prepare(pictures, dataclasses.replace(recipe, backbone=first), progress)
    precision = prepared.backbone.precision  # as given, or as found on these pictures
    readers = {
        name: Reader(dataclasses.replace(each, precision=precision), prepared, recipe, progress)
        for name, each in backbones.items()
    }
    choice = _choose(prepared, readers, recipe, progress)
    for line in choice.words():
        progress.say(line)
    return readers[choice.chosen].prepared(), choice


def _choose(
    prepared: Prepared, readers: dict[str, Reader], recipe: Recipe, progress: Progress
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
    return Contender(backbone.name, seconds_of(backbone), known.prior if known else None)
