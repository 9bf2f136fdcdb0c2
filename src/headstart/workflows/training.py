"""Compare on the training rows, adapt where it pays, judge the choice once on the test rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.backbones.backbone import Backbone
from headstart.backbones.engine import num_cores
from headstart.feature_rows import Selected
from headstart.features.feature_set import FeatureSet
from headstart.finetuning.epoch_metrics import OnEpochMetrics
from headstart.heads.candidates import Candidate
from headstart.heads.ensemble import ENSEMBLE
from headstart.heads.fitted import FittedHead
from headstart.heads.fitting import fit_chosen
from headstart.heads.selection import CandidateScore
from headstart.heads.spectrum import blocks
from headstart.layers import Array
from headstart.metrics.abstention import Abstention
from headstart.metrics.comparison import Correct, bias_corrected_best
from headstart.metrics.intervals import Interval
from headstart.model.beside import TAP
from headstart.model.familiarity import Familiarity, familiarity
from headstart.model.out_of_fold import OutOfFold
from headstart.model.prediction import Unsure
from headstart.progress import Progress
from headstart.reports.results import Results
from headstart.strategy.ladder import Step
from headstart.strategy.matrix import Matrix
from headstart.workflows.abstaining import (
    abstention,
    expectation,
    held_out_answers,
    must_be_attainable,
)
from headstart.workflows.adapting import Adapted, adapt
from headstart.workflows.comparing import Compared, compare
from headstart.workflows.dividing import Division, divide
from headstart.workflows.placing import place
from headstart.workflows.preparing import Prepared, Rows, depths
from headstart.workflows.recipe import Recipe

TUNED_HEAD = "softmax"


@dataclass(frozen=True, eq=False)
class Final:
    """What was chosen, fitted on all training rows.

    Args:
        strategy: ``"freeze"``, ``"partial"``, ``"full"`` or ``"scratch"``.
        candidate: Its head and taps.
        backbone: As it was pretrained, or tuned.
        features: Of that backbone, a row for each picture.
        head: FittedHead.
        held_out: Its answers about training rows that were held out.
        corrected: Its accuracy there, corrected for having been chosen, and the interval.
    """

    strategy: str
    candidate: Candidate
    backbone: Backbone
    features: FeatureSet
    head: FittedHead
    held_out: CandidateScore
    corrected: tuple[float, Interval]


@dataclass(frozen=True, eq=False)
class Trained:
    """A chosen classifier, and the evidence for it.

    Args:
        division: Which rows trained and which judged.
        compared: The heads on frozen features.
        matrix: Where the training pictures lie.
        adapted: The ladder.
        final: What was chosen.
        familiar_tap: The tap at which pictures are compared with the training pictures.
        familiarity: Distances there.
        results: The test.
        probabilities: float32 [len(test), C].
        out_of_fold: The chosen one's answers about held-out training pictures.
        expected: From which probability on it answers, and what these let expect of that.
    """

    division: Division
    compared: Compared
    matrix: Matrix
    adapted: Adapted
    final: Final
    familiar_tap: str
    familiarity: Familiarity
    results: Results
    probabilities: npt.NDArray[np.float32]
    out_of_fold: OutOfFold
    expected: Abstention

    @property
    def train(self) -> Rows:
        """int64, the training rows."""
        return self.division.train

    @property
    def test(self) -> Rows:
        """int64, the test rows."""
        return self.division.test

    @property
    def unsure(self) -> Unsure:
        """When the classifier is."""
        return Unsure(self.expected.threshold, self.familiarity.unfamiliar_above)


def train(
    prepared: Prepared,
    recipe: Recipe,
    progress: Progress,
    on_epoch: OnEpochMetrics | None = None,
) -> Trained:
    """Choose by held-out training rows, and judge on the test rows.

    ``on_epoch`` is told the metrics of every epoch of fine-tuning.

    Raises:
        NotEnoughData: Too few classes or pictures.
        SettingError: The error that was asked for cannot be promised.
    """
    division = divide(prepared, recipe, progress)
    must_be_attainable(recipe.max_error, prepared.groups[division.train])
    if recipe.tunes_by_hand:  # What cannot be is refused before the work.
        recipe.tuning_for(recipe.first_rung, len(division.train))
    compared = compare(prepared, division, recipe, progress)
    matrix = place(
        prepared, division.train, recipe, progress, compared.corrected[0], compared.left_out
    )
    for line in matrix.lines(recipe.tunes_by_hand):
        progress.say(line)
    adapted = adapt(prepared, division, compared, matrix, recipe, progress, on_epoch)
    final = final_of(prepared, division, compared, adapted, recipe)
    return _judged(prepared, division, compared, matrix, adapted, final, recipe, progress)


def final_of(
    prepared: Prepared, division: Division, compared: Compared, adapted: Adapted, recipe: Recipe
) -> Final:
    """The rung that was taken, or the best frozen candidate fitted on all training rows."""
    if adapted.answers is not None:
        return _tuned(prepared, division, compared, adapted, recipe)
    rows, best = division.train, compared.best
    y, groups = prepared.manifest.class_indices[rows], prepared.groups[rows]
    taps = {name: Selected(prepared.features.taps[name], rows) for name in best.candidate.taps}
    return Final(
        strategy="freeze",
        candidate=best.candidate,
        backbone=prepared.backbone,
        features=prepared.features,
        head=fit_chosen(
            best.candidate,
            taps,
            y,
            groups,
            best.temperature,
            seed=recipe.seed,
            threads=recipe.threads or num_cores(),
            known=compared.layers,
        ),
        held_out=best,
        corrected=compared.corrected,
    )


def _tuned(
    prepared: Prepared, division: Division, compared: Compared, adapted: Adapted, recipe: Recipe
) -> Final:
    answers, step = adapted.answers, adapted.climb.best
    assert answers is not None and step is not None
    assert adapted.backbone is not None and adapted.features is not None
    assert adapted.head is not None
    candidate = Candidate(ENSEMBLE if step.pooled else TUNED_HEAD, adapted.taps)
    held_out = CandidateScore(
        candidate=candidate,
        scores=answers.scores,
        temperature=answers.temperature,
        correct=answers.correct,
        log_loss=answers.log_loss,
        seconds=step.seconds,
        learnable=answers.judged & compared.best.learnable,
        judged=answers.judged,
    )
    rivals = _rivals(adapted, step, compared.best.correct)[:, answers.judged]
    groups = prepared.groups[division.train][answers.judged]
    estimate, interval = bias_corrected_best(rivals, groups, seed=recipe.seed)
    return Final(
        strategy=step.rung.strategy,
        candidate=candidate,
        backbone=adapted.backbone,
        features=adapted.features,
        head=adapted.head,
        held_out=held_out,
        corrected=(min(estimate, answers.accuracy), interval),
    )


def _rivals(adapted: Adapted, step: Step, frozen: Correct) -> Correct:
    """Bool [K, N], right answers of those among which a tuned network was chosen."""
    steps = adapted.climb.steps
    if step.outcome != "taken":  # Asked for by a person: the frozen candidate was no rival.
        return np.stack([each.answers.correct for each in steps if each.answers])
    tried = [answers for each in steps for answers in (each.answers, each.rival) if answers]
    return np.stack([frozen, *(answers.correct for answers in tried)])


def _judged(
    prepared: Prepared,
    division: Division,
    compared: Compared,
    matrix: Matrix,
    adapted: Adapted,
    final: Final,
    recipe: Recipe,
    progress: Progress,
) -> Trained:
    """Thresholds from the training rows, then the one look at the test rows."""
    manifest, groups, train, test = (
        prepared.manifest,
        prepared.groups,
        division.train,
        division.test,
    )
    y = manifest.class_indices
    tap = familiar_tap(prepared, final)
    seen = familiarity(Selected(final.features.taps[tap], train), groups[train], recipe.seed)
    held_out = held_out_answers(final.held_out, y[train], groups[train], seen, recipe.seed)
    expected = abstention(held_out, recipe.max_error)
    progress.say(expectation(expected))
    probabilities = _probabilities(final, test)
    far = seen.distances_of(Selected(final.features.taps[tap], test)) > seen.unfamiliar_above
    return Trained(
        division=division,
        compared=compared,
        matrix=matrix,
        adapted=adapted,
        final=final,
        familiar_tap=tap,
        familiarity=seen,
        results=Results.of(
            y[test],
            probabilities,
            manifest.class_names,
            groups=groups[test],
            majority_class=int(np.bincount(y[train]).argmax()),
            leaked=division.leaked,
            answered=(probabilities.max(axis=1) >= expected.threshold) & ~far,
            seed=recipe.seed,
        ),
        probabilities=probabilities,
        out_of_fold=held_out,
        expected=expected,
    )


def _probabilities(final: Final, rows: Rows) -> Array:
    """float32 [len(rows), C], block by block: features may be more than memory has to spare."""
    found = np.empty((len(rows), final.held_out.scores.shape[1]), dtype=np.float32)
    for some in blocks(len(rows)):
        X = final.features.joined(final.candidate.taps, rows[some])
        found[some] = final.head.predict_proba(X)
    return found


def familiar_tap(prepared: Prepared, final: Final) -> str:
    """Where pictures are compared with those of training: the deepest tap in use.

    The average, where the head sees the last feature map in another way: it says as much with less.
    In a tuned network the deepest tap that is still as it was pretrained: training draws the
    pictures of a class together, and everything else with them.
    """
    if final.strategy == "freeze":
        tap = final.candidate.taps[-1]
        return tap if tap in depths(prepared.backbone) else prepared.backbone.tap_names[-1]
    if TAP in final.backbone.tap_names:
        return depths(prepared.backbone)[-1]
    frozen, tuned = prepared.features.taps, final.features.taps
    unchanged = [
        name
        for name in depths(prepared.backbone)
        # Of two networks side by side the first one's features come first.
        if np.allclose(frozen[name][:8][:, : tuned[name].shape[1]], tuned[name][:8], 1e-4, 1e-5)
    ]
    return unchanged[-1] if unchanged else final.backbone.tap_names[-1]
