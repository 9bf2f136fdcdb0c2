"""Compare the heads on the training rows, choose one, judge it once on the test rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import num_cores
from headstart.datasets.splitting import Split, assign_splits, folds
from headstart.errors import NotEnoughData
from headstart.heads.catalog import HEADS, make_head
from headstart.heads.head import Head
from headstart.heads.selection import (
    Candidate,
    CandidateScore,
    choice_rule,
    choose,
    cross_validate,
    default_candidates,
    fit_chosen,
)
from headstart.metrics.abstention import Abstention
from headstart.metrics.comparison import bias_corrected_best
from headstart.metrics.intervals import Interval
from headstart.model.familiarity import Familiarity, familiarity
from headstart.model.out_of_fold import OutOfFold
from headstart.model.prediction import Unsure
from headstart.progress import Progress
from headstart.reports.results import Results
from headstart.workflows.abstaining import abstention, expectation, held_out_answers
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Trained:
    """A chosen head, and the evidence for it.

    Args:
        split: Which rows trained and which judged, and by which rule.
        train, test: int64 rows.
        leaked: bool [len(test)]: test pictures with a copy, or a group mate, in training.
        scores: Every candidate's out-of-fold scores.
        chosen: Index of the chosen one.
        corrected: Its accuracy, corrected for having been chosen, and the interval.
        head: Fitted on all training rows.
        familiarity: Distances to the training pictures.
        results: The test.
        probabilities: float32 [len(test), C].
        out_of_fold: The chosen candidate's answers about held-out training pictures.
        expected: From which probability on it answers, and what these let expect of that.
    """

    split: Split
    train: Rows
    test: Rows
    leaked: npt.NDArray[np.bool_]
    scores: tuple[CandidateScore, ...]
    chosen: int
    corrected: tuple[float, Interval]
    head: Head
    familiarity: Familiarity
    results: Results
    probabilities: npt.NDArray[np.float32]
    out_of_fold: OutOfFold
    expected: Abstention

    @property
    def candidate(self) -> Candidate:
        """The chosen one."""
        return self.scores[self.chosen].candidate

    @property
    def unsure(self) -> Unsure:
        """When the classifier is."""
        return Unsure(self.expected.threshold, self.familiarity.unfamiliar_above)


def candidates_of(taps: tuple[str, ...], heads: tuple[str, ...]) -> tuple[Candidate, ...]:
    """What is tried.

    Args:
        taps: Of the backbone, in order of depth.
        heads: Names; empty: all of them.

    Raises:
        SettingError: A name is unknown.
    """
    for name in heads:
        make_head(name)
    return default_candidates(taps, heads or tuple(HEADS))


def train(prepared: Prepared, recipe: Recipe, progress: Progress) -> Trained:
    """Choose a head by cross-validation, and judge it on the test rows.

    Raises:
        NotEnoughData: Too few classes or pictures.
    """
    manifest, groups = prepared.manifest, prepared.groups
    y = manifest.class_indices
    split = assign_splits(
        y, groups, manifest.splits, seed=recipe.seed, test_share=recipe.test_share or 0.2
    )
    progress.say(split.rule)
    train_rows, test_rows = _rows(split, "train"), _rows(split, "test")
    _must_suffice(prepared, train_rows, test_rows)
    taps = {name: values[train_rows] for name, values in prepared.features.taps.items()}
    mine = groups[train_rows]
    fold_of = folds(y[train_rows], mine, num_folds=recipe.num_folds, seed=recipe.seed)
    if (number := len(np.unique(fold_of))) < recipe.num_folds:
        progress.say(f"{number} folds instead of {recipe.num_folds}: a class has too few pictures")
    scores = cross_validate(
        candidates_of(prepared.backbone.tap_names, recipe.heads),
        taps,
        y[train_rows],
        mine,
        fold_of,
        seed=recipe.seed,
        progress=progress,
        threads=recipe.threads or num_cores(),
    )
    chosen = choose(scores, y[train_rows])
    correct = np.stack([score.correct for score in scores])
    best = scores[chosen]
    estimate, interval = bias_corrected_best(
        correct, mine, seed=recipe.seed, choose=choice_rule(scores, y[train_rows])
    )
    head = fit_chosen(best.candidate, taps, y[train_rows], mine, best.temperature, seed=recipe.seed)
    probabilities = head.predict_proba(prepared.features.joined(best.candidate.taps, test_rows))
    leaked = np.isin(groups[test_rows], mine)
    seen = familiarity(taps["head"], mine, recipe.seed)
    held_out = held_out_answers(best, y[train_rows], mine, seen, recipe.seed)
    expected = abstention(held_out, recipe.max_error)
    progress.say(expectation(expected))
    answered = (probabilities.max(axis=1) >= expected.threshold) & (
        seen.distances_of(prepared.features.taps["head"][test_rows]) <= seen.unfamiliar_above
    )
    return Trained(
        split=split,
        train=train_rows,
        test=test_rows,
        leaked=leaked,
        scores=scores,
        chosen=chosen,
        # Taking luck out of a score may not raise it: what is above is the resampling's own luck.
        corrected=(min(estimate, best.accuracy), interval),
        head=head,
        familiarity=seen,
        results=Results.of(
            y[test_rows],
            probabilities,
            manifest.class_names,
            groups=groups[test_rows],
            majority_class=int(np.bincount(y[train_rows]).argmax()),
            leaked=leaked,
            answered=answered,
            seed=recipe.seed,
        ),
        probabilities=probabilities,
        out_of_fold=held_out,
        expected=expected,
    )


def _rows(split: Split, name: str) -> Rows:
    return np.flatnonzero(np.array(split.splits) == name)


def _must_suffice(prepared: Prepared, train_rows: Rows, test_rows: Rows) -> None:
    names = prepared.manifest.class_names
    present = np.unique(prepared.manifest.class_indices[train_rows])
    if len(present) < len(names):
        missing = [name for index, name in enumerate(names) if index not in present]
        raise NotEnoughData(
            f"no training picture is left for {len(missing)} of {len(names)} classes; "
            f"first: {missing[0]}",
            "at least one usable training picture in every class",
            "add pictures of it, or leave the class out",
        )
    if not len(test_rows):
        raise NotEnoughData(
            f"{len(train_rows)} pictures leave none to judge by",
            "at least two pictures (that are no copies of each other) in some class",
            "add pictures, or give a test set with --test",
        )
