"""Which learning rate suits these pictures: the range test, with its plot. Nothing is fitted."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.backbones.catalog import DEFAULT
from headstart.backbones.loading import request_of
from headstart.datasets.reading import place_of
from headstart.errors import SettingError
from headstart.files import cache_folder, must_be_writable, write_text
from headstart.finetuning.job import find_learning_rate
from headstart.progress import Progress, Silent
from headstart.reports.rate_figure import rate_svg
from headstart.strategy.ladder import rung_name
from headstart.workflows.choosing import prepare_chosen
from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.recipe import Recipe
from headstart.workflows.saving import bundle_place


@dataclass(frozen=True)
class FoundRate:
    """What the range test gave.

    Args:
        train_from: What learnt.
        suggestion: For ``learning_rate``.
        rates: Of the last block, rising.
        losses: Smoothed, at them.
        plot: The SVG file.
    """

    train_from: str
    suggestion: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    plot: Path

    def to_json(self) -> dict[str, Any]:
        """What ``headstart fit --find-lr --json`` prints."""
        return {**vars(self), "plot": str(self.plot)}


def find_rate(
    pictures: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    recipe: Recipe,
    progress: Progress | None = None,
) -> FoundRate:
    """Train on the training part for a hundred steps, with a rising rate, and forget the result.

    Args:
        pictures: As for `fit`.
        out: Where `fit` would put the bundle: the plot lies beside it.
        recipe: Its ``train_from``, or the first rung of its strategy, is tried.
        progress: Told what happens.

    Raises:
        SettingError: The network is to stay frozen.
        HeadstartError: As `fit` does.
    """
    progress = progress or Silent()
    if recipe.strategy == "freeze":
        raise SettingError(
            "a learning rate is sought, but the network is to stay frozen",
            "a strategy that trains",
            "leave --find-lr out, or choose another strategy (--strategy partial)",
        )
    place = bundle_place(place_of(pictures), out)
    plot = place.with_name(place.name.removesuffix(".headstart") + ".learning-rate.svg")
    must_be_writable(plot.parent)
    # One network learns: none is put beside it.
    recipe = replace(recipe, backbone=recipe.backbone or DEFAULT)
    prepared, _ = prepare_chosen(pictures, recipe, progress)
    rows = rows_of(split_of(prepared, recipe), "train")
    train_from = recipe.first_rung
    tuning = recipe.tuning_for(train_from, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        rates, losses, suggestion = find_learning_rate(
            prepared.network,
            request_of(prepared.network.name, recipe.weights, recipe.seed, recipe.input_size),
            prepared.manifest.paths,
            prepared.features.facts.digests,
            prepared.manifest.class_indices,
            len(prepared.manifest.class_names),
            train=rows,
            tuning=tuning,
            cache=recipe.cache or cache_folder(),
            folder=Path(folder),
            groups=prepared.groups,
            threads=recipe.threads,
            device=recipe.device,
            seed=recipe.seed,
            progress=progress,
        )
    found = FoundRate(train_from, suggestion, tuple(rates.tolist()), tuple(losses.tolist()), plot)
    write_text(plot, rate_svg(found.rates, found.losses, suggestion, rung_name(train_from)))
    return found
