"""One cell of the panel: some pictures of one set, every way to learn from them, the truth of each.

The pictures go through what `headstart fit` does after it has read them; only the test is not
looked at once but by every candidate and every rung, which is what regret is about.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headstart.heads.candidates import Candidate
from headstart.heads.fitting import fit_chosen
from headstart.heads.selection import CandidateScore
from headstart.metrics.intervals import accuracy_interval
from headstart.progress import Progress, Silent
from headstart.strategy.fitness import ALL_TAPS
from headstart.strategy.matrix import Matrix
from headstart.strategy.rules import Advice
from headstart.workflows.comparing import Compared, compare
from headstart.workflows.dividing import Division, divide
from headstart.workflows.placing import place
from headstart.workflows.preparing import Prepared, Rows, select
from headstart.workflows.recipe import Recipe
from panels.coverage import Stated
from panels.drawing import draw_per_class
from panels.regret import Correct, is_beaten, raw_regret, split_half_regret

FROZEN = "freeze"


@dataclass(frozen=True)
class Cell:
    """What is measured.

    Args:
        dataset: Its name.
        backbone: Whose features.
        per_class: Training pictures of each class; None: all.
        seed: Draws the pictures and the folds.
        rungs: ``"freeze"``, ``"partial"`` or ``"all"``: how far up every rung is trained.
        pooled: Whether a given split was not looked at.
    """

    dataset: str
    backbone: str
    per_class: int | None
    seed: int
    rungs: str
    pooled: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"kind": "cell", **asdict(self)}


@dataclass(frozen=True, eq=False)
class Rung:
    """One way to learn, and which test pictures it is right about.

    Args:
        name: ``"freeze"``, or the rung of the ladder, for example ``"top1"``.
        strategy: One of our words.
        correct: bool [T].
        seconds: Of training it on all pictures of the cell.
    """

    name: str
    strategy: str
    correct: Correct
    seconds: float = 0.0

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())


@dataclass(frozen=True, eq=False)
class Drawn:
    """A cell's pictures, and what `headstart fit` makes of them before it fits."""

    prepared: Prepared
    division: Division
    compared: Compared
    matrix: Matrix
    recipe: Recipe

    @property
    def y(self) -> Rows:
        return self.prepared.manifest.class_indices

    @property
    def test_groups(self) -> Rows:
        return self.prepared.groups[self.division.test]


def measure(
    whole: Prepared, parts: tuple[Rows, Rows], cell: Cell, recipe: Recipe, progress: Progress
) -> dict[str, Any]:
    """Everything about one cell, as plain values.

    Args:
        whole: The dataset, every picture read.
        parts: Rows to draw from, and rows that judge.
        cell: Which.
        recipe: Threads, cache and time limit; the cell's seed takes the place of its own.
        progress: Told what fine-tuning tells.
    """
    watch = _Watch()
    drawn = draw_cell(whole, parts, cell, replace(recipe, seed=cell.seed))
    watch.lap("choose")
    frozen = [frozen_correct(drawn, score) for score in drawn.compared.scores]
    watch.lap("judge")
    chosen, claim, rungs = _climbed(drawn, frozen, cell, progress)
    watch.lap("tune")
    return {
        **_size(drawn, chosen),
        "candidates": _candidates(drawn, frozen),
        "ladder": {
            rung.name: {
                "strategy": rung.strategy,
                "accuracy": _plain(rung.accuracy),
                "seconds": round(rung.seconds, 2),
            }
            for rung in rungs
        },
        "chosen": {"name": chosen.name, "strategy": chosen.strategy},
        "regret_of_candidate": _regret(np.array(frozen), frozen[drawn.compared.chosen], drawn),
        "regret_of": {
            name: _regret(np.array([rung.correct for rung in rungs]), correct, drawn)
            for name, correct in _followed(drawn, frozen, chosen, rungs).items()
        },
        "quadrant": drawn.matrix.quadrant,
        "similarity": None if drawn.matrix.similarity is None else drawn.matrix.similarity.score,
        "expectation": drawn.matrix.expectation.to_json(),
        "claim": claim.to_json(),
        "truth": _truth(chosen.correct, drawn).to_json(),
        "seconds": watch.laps,
    }


def draw_cell(whole: Prepared, parts: tuple[Rows, Rows], cell: Cell, recipe: Recipe) -> Drawn:
    """Draw the training pictures, compare the heads, and find the place in the matrix."""
    train, test = parts
    if cell.per_class is not None:
        y, groups = whole.manifest.class_indices[train], whole.groups[train]
        train = train[draw_per_class(y, groups, cell.per_class, recipe.seed)]
    splits = ["train"] * len(train) + ["test"] * len(test)
    prepared = select(whole, np.concatenate([train, test]), splits)
    division = divide(prepared, recipe, Silent())
    compared = compare(prepared, division, recipe, Silent())
    matrix = place(prepared, division.train, recipe, Silent(), accuracy=compared.corrected[0])
    return Drawn(prepared, division, compared, matrix, recipe)


def frozen_correct(drawn: Drawn, score: CandidateScore) -> Correct:
    """bool [T]: the candidate fitted on all training pictures, judged by the test pictures."""
    rows, test, candidate = drawn.division.train, drawn.division.test, score.candidate
    features = drawn.prepared.features
    head = fit_chosen(
        candidate,
        {name: features.taps[name][rows] for name in candidate.taps},
        drawn.y[rows],
        drawn.prepared.groups[rows],
        score.temperature,
        seed=drawn.recipe.seed,
    )
    answers = head.predict_proba(features.joined(candidate.taps, test)).argmax(axis=1)
    return np.asarray(answers == drawn.y[test])


def _climbed(
    drawn: Drawn, frozen: list[Correct], cell: Cell, progress: Progress
) -> tuple[Rung, Stated, list[Rung]]:
    """The rung that is delivered, the accuracy that is claimed of it, and all rungs."""
    compared = drawn.compared
    best_frozen = Rung(FROZEN, FROZEN, frozen[compared.chosen])
    if cell.rungs == FROZEN:
        return best_frozen, Stated.of(*compared.corrected), [best_frozen]
    from panels.tuning import climbed  # It brings what trains.

    chosen, claim, tuned = climbed(drawn, cell.rungs, progress)
    return chosen or best_frozen, claim, [best_frozen, *tuned]


def _followed(
    drawn: Drawn, frozen: list[Correct], chosen: Rung, rungs: list[Rung]
) -> dict[str, Correct]:
    """What each guide gives where it is followed; one to a rung that was not run is left out."""
    partial = [rung.correct for rung in rungs if rung.strategy == "partial"]
    full = [rung.correct for rung in rungs if rung.strategy == "full"]
    guides = {
        "headstart": [chosen.correct],
        **{
            advice.guide: _by_advice(advice, drawn, frozen, partial, full)
            for advice in drawn.matrix.advice
        },
        "always freeze": [rungs[0].correct],
        "always partial": partial[:1],
        "always full": full[:1],
    }
    return {guide: correct[0] for guide, correct in guides.items() if correct}


def _by_advice(
    advice: Advice,
    drawn: Drawn,
    frozen: list[Correct],
    partial: list[Correct],
    full: list[Correct],
) -> list[Correct]:
    """What is got by the advice; nothing where its rung was not run."""
    scores, chosen = drawn.compared.scores, drawn.compared.chosen
    if advice.place == "case 3":
        tap = _best_earlier_tap(drawn.matrix)
        wanted = Candidate("ridge", (tap,), earlier=True)
        pairs = zip(scores, frozen, strict=True)
        return [correct for each, correct in pairs if each.candidate == wanted]
    # "More layers than for similar data": the deepest of the partial rungs.
    which = partial[-1:] if advice.place == "quadrant 3" else partial[:1]
    return {"freeze": [frozen[chosen]], "partial": which, "full": full}.get(advice.strategy, [])


def _best_earlier_tap(matrix: Matrix) -> str:
    """By leave-one-out on the training pictures."""
    singles = [depth for depth in matrix.fitness.depths if depth.name != ALL_TAPS]
    return max(singles[:-1], key=lambda depth: depth.accuracy).name


def _regret(rivals: Correct, own: Correct, drawn: Drawn) -> dict[str, Any]:
    return {
        "raw": _plain(raw_regret(rivals, own)),
        "split_half": _plain(split_half_regret(rivals, own, drawn.test_groups)),
        "beaten": is_beaten(rivals, own, drawn.test_groups),
    }


def _candidates(drawn: Drawn, frozen: list[Correct]) -> list[dict[str, Any]]:
    """Every frozen candidate: what was seen of it, and what is true of it."""
    return [
        {
            "name": score.candidate.name,
            "held_out": _plain(score.accuracy),
            "num_held_out": int(score.judged.sum()),
            "accuracy": _plain(correct.mean()),
            "chosen": score is drawn.compared.best,
        }
        for score, correct in zip(drawn.compared.scores, frozen, strict=True)
    ]


def _size(drawn: Drawn, chosen: Rung) -> dict[str, Any]:
    return {
        "num_train": len(drawn.division.train),
        "num_test": len(chosen.correct),
        "num_classes": len(drawn.prepared.manifest.class_names),
    }


def _truth(correct: Correct, drawn: Drawn) -> Stated:
    return Stated.of(correct.mean(), accuracy_interval(correct, drawn.test_groups))


def _plain(value: float) -> float:
    return round(float(value), 6)


class _Watch:
    """Seconds between laps."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.laps: dict[str, float] = {}
        self._clock, self._last = clock, clock()

    def lap(self, name: str) -> None:
        now = self._clock()
        self.laps[name], self._last = round(now - self._last, 2), now
