"""A large set as population: what a sample of it claims and chooses, and what the rest says."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headstart.errors import NotEnoughData
from headstart.heads.fitting import FittedHead, fit_chosen
from headstart.heads.selection import CandidateScore
from headstart.metrics.intervals import accuracy_interval
from headstart.progress import Silent
from headstart.workflows.comparing import compare
from headstart.workflows.dividing import Division, divide
from headstart.workflows.preparing import Prepared, Rows, select
from headstart.workflows.recipe import Recipe
from panels.coverage import Stated
from panels.drawing import draw
from panels.regret import Correct, is_beaten, raw_regret, split_half_regret

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
    """Draw pictures, learn from them as `headstart fit` does, judge every candidate by the rest.

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
    best = compared.best
    heads = [_fitted(score, sample, division, recipe.seed) for score in compared.scores]
    rest = np.setdiff1d(np.arange(len(whole.groups)), rows)
    pairs = list(zip(compared.scores, heads, strict=True))
    true = np.stack([_correct(score, head, whole, rest) for score, head in pairs])
    own, groups = true[compared.chosen], whole.groups[rest]
    drawn = _correct(best, heads[compared.chosen], sample, division.test)
    return {
        "num_train": len(division.train),
        "num_rest": len(rest),
        "chosen": best.candidate.name,
        "corrected": Stated.of(*compared.corrected).to_json(),
        "drawn_test": _stated(drawn, sample.groups[division.test]).to_json(),
        "best_held_out": round(
            max(score.accuracy for score in compared.scores if score.is_whole), 6
        ),
        "chosen_held_out": round(best.accuracy, 6),
        "truth": _stated(own, groups).to_json(),
        "candidates": {
            score.candidate.name: {
                "held_out": round(score.accuracy, 6) if score.is_whole else None,
                "accuracy": round(float(correct.mean()), 6),
            }
            for score, correct in zip(compared.scores, true, strict=True)
        },
        "regret": {
            "raw": round(raw_regret(true, own), 6),
            "split_half": round(split_half_regret(true, own, groups), 6),
            "beaten": is_beaten(true, own, groups),
        },
        "cpu_seconds": round(time.process_time() - began, 2),
    }


def _fitted(score: CandidateScore, sample: Prepared, division: Division, seed: int) -> FittedHead:
    """The candidate fitted on all training pictures of the sample."""
    rows, taps = division.train, score.candidate.taps
    return fit_chosen(
        score.candidate,
        {name: sample.features.taps[name][rows] for name in taps},
        sample.manifest.class_indices[rows],
        sample.groups[rows],
        score.temperature,
        seed=seed,
    )


def _correct(score: CandidateScore, head: FittedHead, pictures: Prepared, rows: Rows) -> Correct:
    """bool [len(rows)]: what it says of these pictures is true."""
    X = pictures.features.joined(score.candidate.taps, rows)
    truth = pictures.manifest.class_indices[rows]
    return np.asarray(head.predict_proba(X).argmax(axis=1) == truth)


def _stated(correct: Correct, groups: Rows) -> Stated:
    return Stated.of(correct.mean(), accuracy_interval(correct, groups))
