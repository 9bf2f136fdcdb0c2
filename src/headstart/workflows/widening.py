"""No backbone was asked for: the default one, and a second beside it where that proves better."""

from __future__ import annotations

import dataclasses
import os
import time

import numpy as np

from headstart.backbones.catalog import DEFAULT, SECOND, at_hand
from headstart.backbones.engine import num_cores
from headstart.backbones.loading import load_backbone
from headstart.files import cache_folder
from headstart.heads.cross_validation import MANY_GROUPS
from headstart.progress import Progress
from headstart.reports.results import percent
from headstart.strategy.answers import Answers, compared
from headstart.strategy.backbone_choice import BackboneChoice, Contender, Round, Standing
from headstart.strategy.second_network import left_out_answers
from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.preparing import Judged, Prepared, Rows, prepare
from headstart.workflows.recipe import Recipe
from headstart.workflows.rereading import Reader, seconds_of

# More than that take minutes to read again on two cores: a person decides it.
MOST_PICTURES = 5000
# A second network took away about a fifth of the errors where it was measured (decision 0010):
# where fewer than these are wrong, that is less than half a point.
ROOM = 0.02


def prepare_widened(
    pictures: str | os.PathLike[str], recipe: Recipe, progress: Progress
) -> tuple[Prepared, BackboneChoice | None]:
    """`prepare` with the default backbone, then `widen`."""
    return widen(prepare(pictures, recipe, progress), recipe, progress)


def widen(
    prepared: Prepared, recipe: Recipe, progress: Progress
) -> tuple[Prepared, BackboneChoice | None]:
    """A dataset that the default backbone has read, or the same with a second one beside it.

    The second is tried on training pictures, and taken when the ladder would take it: more
    accurate, or no less accurate and surer of the right answers, with 95 % confidence.

    Raises:
        WeightsError, StoreError: As `prepare`.
    """
    if _is_settled(recipe, prepared):
        return prepared, None
    if len(prepared.manifest) > MOST_PICTURES:
        progress.say(
            f"backbone {DEFAULT} alone: {len(prepared.manifest)} pictures are many to read unasked "
            f"through a second network (--backbone {DEFAULT}+{SECOND})"
        )
        return prepared, None
    began = time.monotonic()
    train = rows_of(split_of(prepared, recipe), "train")
    threads = recipe.threads or num_cores()
    prepared, one = _judged(prepared, train, threads)
    if one.accuracy > 1 - ROOM:
        progress.say(
            f"backbone {DEFAULT} alone: {percent(1 - one.accuracy)} of errors leave no room for a "
            "second network"
        )
        return prepared, None
    pair = load_backbone(
        f"{DEFAULT}+{SECOND}",
        cache=recipe.cache or cache_folder(),
        seed=recipe.seed,
        tta=recipe.tta,
        progress=progress,
    )
    pair = dataclasses.replace(pair, precision=prepared.backbone.precision)
    widened = Reader(pair, prepared, recipe, progress).prepared()
    if len(widened.manifest) < len(prepared.manifest):
        progress.say(f"backbone {DEFAULT} alone: beside {SECOND} it cannot read every picture")
        return prepared, None
    if prepared.judged:
        prepared.judged.left_out.rows.clear()  # Both at once would be much.
    widened, both = _judged(widened, train, threads)
    choice = _choice(prepared, widened, one, both, train, recipe.seed, began)
    for line in choice.words():
        progress.say(line)
    return (widened if choice.chosen == pair.name else prepared), choice


def _is_settled(recipe: Recipe, prepared: Prepared) -> bool:
    """Whether anything a person asked for leaves no room for a second network."""
    asked = recipe.weights or recipe.input_size or recipe.poolings or recipe.tunes_by_hand
    few_classes = len(prepared.manifest.class_names) < 2
    return bool(asked) or few_classes or SECOND not in at_hand()


def _judged(prepared: Prepared, train: Rows, threads: int) -> tuple[Prepared, Answers]:
    """The answers about training rows that were left out, and the dataset that knows them."""
    taps = {name: prepared.features.taps[name][train] for name in prepared.backbone.tap_names}
    y, groups = prepared.manifest.class_indices[train], prepared.groups[train]
    found = left_out_answers(taps, y, groups, threads)
    if len(np.unique(groups)) < MANY_GROUPS:
        found.rows.clear()  # Folds of few share nothing.
    return dataclasses.replace(prepared, judged=Judged(train, found)), found.best


def _choice(
    prepared: Prepared,
    widened: Prepared,
    one: Answers,
    both: Answers,
    train: Rows,
    seed: int,
    began: float,
) -> BackboneChoice:
    """The record of the comparison, as of any other choice of a backbone."""
    verdict = compared(both, one, prepared.groups[train], seed)
    gain = verdict.gain
    names = prepared.backbone.name, widened.backbone.name
    taken = verdict.outcome == "taken"
    difference = (gain.difference, gain.low, gain.high)
    points = "{:+z.1f} points ({:+z.1f} to {:+z.1f})".format(*(100 * value for value in difference))
    against = (-gain.difference, -gain.high, -gain.low)
    standings = [
        Standing(names[0], one.accuracy, against if gain.difference > 0 else None),
        Standing(names[1], both.accuracy, difference if gain.difference <= 0 else None),
    ]
    return BackboneChoice(
        chosen=names[int(taken)],
        why=verdict.reason if taken else f"{SECOND} beside it is not proved to pay: {points}",
        contenders=(
            Contender(names[0], seconds_of(prepared.backbone)),
            Contender(names[1], seconds_of(widened.backbone)),
        ),
        runner_up=names[1 - int(taken)],
        difference=against if taken else difference,
        rounds=(Round(len(train), tuple(sorted(standings, key=lambda s: -s.accuracy))),),
        seconds=time.monotonic() - began,
    )
