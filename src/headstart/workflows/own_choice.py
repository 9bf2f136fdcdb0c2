"""What Headstart would have chosen, beside what a recipe says: same pictures, same split."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.datasets.reading import ReadOptions
from headstart.metrics.comparison import Difference, paired_difference
from headstart.progress import Progress
from headstart.reports.results import Results, interval_text, percent
from headstart.workflows.preparing import Prepared, prepare, select
from headstart.workflows.recipe import Recipe
from headstart.workflows.training import Trained, train
from headstart.workflows.widening import widen


@dataclass(frozen=True, eq=False)
class OwnChoice:
    """The recipe's result and Headstart's own, side by side.

    Args:
        name: What Headstart chose: backbone, head, strategy.
        results: Its test.
        difference: Of the accuracies on the same test pictures; positive where its own is better.
        num_images: How many these are.
        seconds: Of its run, from reading to judging.
        recipe_results, recipe_seconds: The recipe's.
        reused: How many pictures had their features already, of its own run and the recipe's.
    """

    name: str
    results: Results
    difference: Difference
    num_images: int
    seconds: float
    recipe_results: Results
    recipe_seconds: float
    reused: tuple[int, int]

    def lines(self) -> list[str]:
        """What a person reads."""
        gain = self.difference
        note = "  (features were kept from an earlier run: seconds say little)"
        return [
            f"as the recipe says       {_told(self.recipe_results, self.recipe_seconds)}",
            f"Headstart's own choice   {_told(self.results, self.seconds)}   {self.name}",
            f"difference               {100 * gain.difference:+z.1f} points "
            f"({100 * gain.low:+z.1f} to {100 * gain.high:+z.1f}) on the same {self.num_images} "
            f"test pictures{note if any(self.reused) else ''}",
        ]

    @property
    def words(self) -> str:
        """One sentence."""
        gain = self.difference
        return (
            f"Headstart's own choice ({self.name}) has {percent(self.results.accuracy)} on the "
            f"same test pictures: {100 * gain.difference:+z.1f} points "
            f"({100 * gain.low:+z.1f} to {100 * gain.high:+z.1f}), in {self.seconds:.0f} s "
            f"instead of {self.recipe_seconds:.0f} s."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        gain = self.difference
        return {
            "name": self.name,
            "accuracy": round(self.results.accuracy, 6),
            "difference": [round(v, 6) for v in (gain.difference, gain.low, gain.high)],
            "num_images": self.num_images,
            "seconds": round(self.seconds, 2),
            "recipe_seconds": round(self.recipe_seconds, 2),
            "reused": list(self.reused),
        }


def own_choice(
    pictures: str | os.PathLike[str],
    prepared: Prepared,
    trained: Trained,
    recipe: Recipe,
    seconds: float,
    progress: Progress,
) -> OwnChoice | None:
    """Train what Headstart chooses by itself, and compare on the same test pictures.

    Args:
        pictures: As the recipe's run was given them.
        prepared: The dataset as that run read it.
        trained: What it gave.
        recipe: Its settings; those of reading, the seed, threads and cache are kept.
        seconds: It took.
        progress: Told what happens.

    Returns:
        None where the recipe does not ask for it, or a person has ended a training.
    """
    if not recipe.own_choice or trained.adapted.is_interrupted:
        return None
    progress.say("Headstart's own choice, on the same split:")
    began = time.monotonic()
    own_recipe = _without_choices(recipe)
    whole = prepare(pictures, own_recipe, progress)
    rows, splits = _same_rows(whole, prepared, trained.division.split.splits)
    own, _ = widen(select(whole, rows, splits), own_recipe, progress)
    chosen = train(own, own_recipe, progress)
    if chosen.adapted.is_interrupted:
        progress.say("Headstart's own choice was interrupted: it is left out")
        return None
    both = [_correct_by_id(own, chosen), _correct_by_id(prepared, trained)]
    ids = [name for name in both[0] if name in both[1]]
    correct = [np.array([answers[name] for name in ids]) for answers in both]
    place = {name: row for row, name in enumerate(prepared.manifest.ids)}
    groups = prepared.groups[[place[name] for name in ids]]
    final = chosen.final
    return OwnChoice(
        name=f"{final.backbone.name}, {final.candidate.name}, {final.strategy}",
        results=chosen.results,
        difference=paired_difference(correct[0], correct[1], groups, recipe.seed),
        num_images=len(ids),
        seconds=time.monotonic() - began,
        recipe_results=trained.results,
        recipe_seconds=seconds,
        reused=(whole.features.reused, prepared.features.reused),
    )


def _without_choices(recipe: Recipe) -> Recipe:
    """The defaults, but for what says which pictures these are and on what machine."""
    kept = {field.name for field in dataclasses.fields(ReadOptions)}
    kept |= {"seed", "threads", "workers", "device", "cache", "time_limit"}
    same = {name: value for name, value in vars(recipe).items() if name in kept}
    return Recipe(**same)


def _same_rows(
    own: Prepared, prepared: Prepared, splits: Sequence[str]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[str]]:
    split_of = dict(zip(prepared.manifest.ids, splits, strict=True))
    rows = [row for row, name in enumerate(own.manifest.ids) if name in split_of]
    return np.array(rows, dtype=np.int64), [split_of[own.manifest.ids[row]] for row in rows]


def _correct_by_id(prepared: Prepared, trained: Trained) -> dict[str, bool]:
    y = prepared.manifest.class_indices[trained.test]
    right = trained.probabilities.argmax(axis=1) == y
    return {
        prepared.manifest.ids[row]: bool(good)
        for row, good in zip(trained.test, right, strict=True)
    }


def _told(results: Results, seconds: float) -> str:
    return f"{percent(results.accuracy)} ({interval_text(results.interval)})   {seconds:.0f} s"
