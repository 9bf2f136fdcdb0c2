"""A large set as population: what is claimed from a sample of it, and what is true of the rest."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headstart.errors import NotEnoughData
from headstart.heads.fitting import fit_chosen
from headstart.metrics.intervals import accuracy_interval
from headstart.progress import Silent
from headstart.workflows.comparing import compare
from headstart.workflows.dividing import divide
from headstart.workflows.preparing import Prepared, Rows, select
from headstart.workflows.recipe import Recipe
from panels.coverage import Stated
from panels.drawing import draw

SIZES = (100, 200, 500, 1000)
# What judges must be many: the population is so many times the sample, and no less than this.
_LEAST_POPULATION = 800
_TIMES = 1.75


@dataclass(frozen=True)
class Resample:
    """What is measured: one sample of one population."""

    dataset: str
    backbone: str
    num: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        return {"kind": "claim", **asdict(self)}


def sizes_for(num_images: int) -> tuple[int, ...]:
    """Sizes of samples that leave enough of a population to judge by."""
    if num_images < _LEAST_POPULATION:
        return ()
    return tuple(size for size in SIZES if size * _TIMES <= num_images)


def measure(whole: Prepared, resample: Resample, recipe: Recipe) -> dict[str, Any]:
    """Draw pictures, learn from them as `headstart fit` does, and judge the head by the rest.

    Splits that were given are not looked at. The rest shares no group with the sample.

    Raises:
        NotEnoughData: A class is not in the sample.
    """
    began = time.process_time()
    recipe = replace(recipe, seed=resample.seed)
    rows = draw(whole.groups, resample.num, resample.seed)
    sample = select(whole, rows, [""] * len(rows))
    if sample.manifest.class_names != whole.manifest.class_names:
        raise NotEnoughData("a class has no picture in the sample", "all classes in the sample")
    division = divide(sample, recipe, Silent())
    compared = compare(sample, division, recipe, Silent())
    best, y = compared.best, sample.manifest.class_indices
    head = fit_chosen(
        best.candidate,
        {name: sample.features.taps[name][division.train] for name in best.candidate.taps},
        y[division.train],
        sample.groups[division.train],
        best.temperature,
        seed=recipe.seed,
    )

    def judged(prepared: Prepared, judges: Rows) -> Stated:
        X = prepared.features.joined(best.candidate.taps, judges)
        truth = prepared.manifest.class_indices[judges]
        correct = head.predict_proba(X).argmax(axis=1) == truth
        return Stated.of(correct.mean(), accuracy_interval(correct, prepared.groups[judges]))

    rest = np.setdiff1d(np.arange(len(whole.groups)), rows)
    return {
        "num_train": len(division.train),
        "num_rest": len(rest),
        "chosen": best.candidate.name,
        "corrected": Stated.of(*compared.corrected).to_json(),
        "drawn_test": judged(sample, division.test).to_json(),
        "best_held_out": round(
            max(score.accuracy for score in compared.scores if score.is_whole), 6
        ),
        "chosen_held_out": round(best.accuracy, 6),
        "truth": judged(whole, rest).to_json(),
        "cpu_seconds": round(time.process_time() - began, 2),
    }
