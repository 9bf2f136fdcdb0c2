"""What a run's features say about its pictures and labels; no picture is read again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from headstart.audit.label_issues import LabelIssues, label_issues
from headstart.audit.leakage import LeakagePrice, leakage_price
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.audit.near_copies import NearCopies, near_copies
from headstart.audit.outliers import Outliers, neighbourhood, outliers
from headstart.backbones.engine import num_cores
from headstart.errors import NotEnoughData
from headstart.feature_rows import Selected
from headstart.heads.candidates import Seen
from headstart.heads.ridge import RidgeHead
from headstart.heads.selection import CandidateScore
from headstart.heads.spectrum import Rows as FeatureRows
from headstart.layers import Array, softmax
from headstart.metrics.intervals import wilson
from headstart.progress import Progress
from headstart.randomness import generator
from headstart.reports.audit import Audit, DoubtedLabel, LookAlikes, UnlikePicture
from headstart.workflows.comparing import Compared
from headstart.workflows.dividing import Division
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe

# Every picture is compared with every other: beyond so many, a sample is.
_MOST_COMPARED = 20_000
# A learning curve so far behind what was chosen is another head's story.
_FAR_BEHIND = 0.05


def audit(
    prepared: Prepared,
    division: Division,
    compared: Compared,
    probabilities: Array,
    recipe: Recipe,
    progress: Progress,
) -> Audit:
    """Look for wrong labels, strange pictures and look-alikes; price leakage; draw the curve.

    Training labels are judged by the chosen frozen candidate's out-of-fold answers, test labels by
    the final classifier's, which has not learned from them.

    Args:
        prepared: The dataset.
        division: Its parts.
        compared: The frozen candidates.
        probabilities: float32 [len(division.test), C], the final classifier's.
        recipe: Its seed and threads.
        progress: Told that it takes a moment.
    """
    progress.say("auditing labels and pictures")
    best, names = compared.best, _Names(prepared, division)
    held_out = softmax(best.scores[best.learnable], best.temperature)
    last = prepared.features.taps[prepared.backbone.tap_names[-1]]
    features = Seen((last,), is_rooted=True)
    asked, threads = _Asked(prepared, features, recipe.seed), recipe.threads or num_cores()
    tells_apart = _tells_apart(best, prepared, division.train)
    curve = asked.curve(division.train, threads) if tells_apart else None
    # One thread of linear algebra each: sums would depend on their number.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        copies = pool.submit(asked.look_alikes)
        train = pool.submit(asked.part, division.train[best.learnable], held_out)
        leakage = pool.submit(asked.leakage, division.train)
        test = pool.submit(asked.part, division.test, probabilities)
        parts = (train.result(), test.result())
        return Audit(
            num_images={"train": len(parts[0].rows), "test": len(parts[1].rows)},
            labels=tuple(label for part in parts for label in names.doubted(part))
            if tells_apart
            else (),
            unlike=tuple(picture for part in parts for picture in names.unlike(part)),
            look_alikes=names.look_alikes(*copies.result()),
            leakage=leakage.result(),
            curve=curve,
            notes=(*asked.notes, *_caveats(curve, best.accuracy, tells_apart)),
        )


def _tells_apart(best: CandidateScore, prepared: Prepared, train: Rows) -> bool:
    """Whether held-out answers agree with the labels more than two that know nothing of each other.

    Where not, their doubts say nothing of labels, nor their number of what more pictures would
    bring. (Always the same answer agrees as often as that, however uneven the classes are.)

    Source:
        Cohen 1960, "A coefficient of agreement for nominal scales": the agreement to be expected.
    """
    y, answers = prepared.manifest.class_indices[train], best.scores.argmax(axis=1)
    by_chance = float(np.bincount(y) @ np.bincount(answers, minlength=int(y.max()) + 1))
    number = len(np.unique(prepared.groups[train]))
    return wilson(best.accuracy * number, number).low > by_chance / len(y) ** 2


def _caveats(curve: LearningCurve | None, accuracy: float, tells_apart: bool) -> tuple[str, ...]:
    """What the labels and the curve do not say.

    Args:
        curve: If there is one.
        accuracy: Of the chosen frozen candidate, held out.
        tells_apart: Whether held-out answers are better than guessing.
    """
    if not tells_apart:
        return (
            "labels were not judged, nor what more pictures would bring: held out, the answers are "
            "not distinguishably better than guessing",
        )
    behind = 0.0 if curve is None else accuracy - 1 + float(curve.errors.share[-1])
    if behind < _FAR_BEHIND:
        return ()
    return (
        f"the line about more pictures is of a simpler head, {100 * behind:.0f} points behind what "
        "was chosen: it says little of that",
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """What was found in one split.

    Args:
        rows: int64, rows of the dataset whose labels were judged.
        labels: Of these rows.
        compared: int64, those of them that were compared with each other.
        strange: Of these; None for a single picture.
    """

    rows: Rows
    labels: LabelIssues
    compared: Rows
    strange: Outliers | None


@dataclass(frozen=True, eq=False)
class _Asked:
    """The questions, each on its own: they are worked on at once.

    Args:
        prepared: The dataset, N rows.
        features: N rows of the last tap as heads see it.
        seed: The run's.
    """

    prepared: Prepared
    features: Seen
    seed: int

    def curve(self, rows: Rows, threads: int) -> LearningCurve | None:
        y, groups = self.prepared.manifest.class_indices[rows], self.prepared.groups[rows]
        try:
            return learning_curve(
                Selected(self.features, rows), y, groups, seed=self.seed, threads=threads
            )
        except NotEnoughData:
            return None

    def part(self, rows: Rows, probabilities: Array) -> _Part:
        y, compared = self.prepared.manifest.class_indices[rows], self.sampled(rows)
        if len(compared) < 2:
            return _Part(rows, label_issues(probabilities, y), compared, None)
        near = neighbourhood(Selected(self.features, compared), self.prepared.groups[compared])
        every = len(compared) == len(rows)
        labels = label_issues(probabilities, y, near if every else None)
        return _Part(rows, labels, compared, outliers(near))

    def look_alikes(self) -> tuple[Rows, NearCopies]:
        rows = self.sampled(np.arange(len(self.features)))
        y, groups = self.prepared.manifest.class_indices[rows], self.prepared.groups[rows]
        return rows, near_copies(Selected(self.features, rows), y, groups)

    def leakage(self, rows: Rows) -> LeakagePrice | None:
        rows = self.sampled(rows)
        y, groups = self.prepared.manifest.class_indices[rows], self.prepared.groups[rows]
        if len(np.unique(groups)) == len(rows):
            return None
        X, index = FeatureRows(Selected(self.features, rows)), np.unique(y, return_inverse=True)[1]
        plain, grouped = (
            RidgeHead().fit_rows(X, index, among).loo_scores_.argmax(axis=1) == index
            for among in (None, groups)
        )
        return leakage_price(plain, grouped, groups, self.seed)

    def sampled(self, rows: Rows) -> Rows:
        if len(rows) <= _MOST_COMPARED:
            return rows
        drawn = generator(self.seed, "audit").choice(len(rows), _MOST_COMPARED, replace=False)
        return rows[np.sort(drawn)]

    @property
    def notes(self) -> tuple[str, ...]:
        if len(self.features) <= _MOST_COMPARED:
            return ()
        return (
            f"pictures were compared with one another among {_MOST_COMPARED} drawn ones of "
            f"{len(self.features)}: not every look-alike and stranger was found",
        )


@dataclass(frozen=True, eq=False)
class _Names:
    """Findings about rows, told by the names of files and classes."""

    prepared: Prepared
    division: Division

    def doubted(self, part: _Part) -> list[DoubtedLabel]:
        """Labels that another class fits better, and those of strange pictures; ticked first."""
        manifest, labels = self.prepared.manifest, part.labels
        other = labels.predicted != manifest.class_indices[part.rows]
        if part.strange is not None:
            other |= np.isin(part.rows, part.compared[part.strange.unlike])
        order = labels.order[other[labels.order]]
        return [
            self._doubted(part, place)
            for place in order[np.argsort(~labels.ticked[order], kind="stable")].tolist()
        ]

    def _doubted(self, part: _Part, place: int) -> DoubtedLabel:
        row, labels = int(part.rows[place]), part.labels
        agreement = float(labels.agreement[place])
        return DoubtedLabel(
            path=self.prepared.manifest.ids[row],
            split=self.division.split.splits[row],
            given=self.prepared.manifest.labels[row],
            suggested=self.prepared.manifest.class_names[labels.predicted[place]],
            self_confidence=round(float(labels.self_confidence[place]), 6),
            score=round(float(labels.score[place]), 6),
            ticked=bool(labels.ticked[place]),
            agreement=None if np.isnan(agreement) else round(agreement, 6),
        )

    def unlike(self, part: _Part) -> list[UnlikePicture]:
        """Strange pictures, the farthest first."""
        manifest, strange = self.prepared.manifest, part.strange
        if strange is None:
            return []
        return [
            UnlikePicture(
                path=manifest.ids[part.compared[place]],
                split=self.division.split.splits[part.compared[place]],
                label=manifest.labels[part.compared[place]],
                distance=round(float(strange.distance[place]), 6),
                expected=round(float(strange.expected[place]), 6),
            )
            for place in strange.order[strange.unlike[strange.order]].tolist()
        ]

    def look_alikes(self, rows: Rows, found: NearCopies) -> tuple[LookAlikes, ...]:
        """As they were found."""
        manifest, splits = self.prepared.manifest, self.division.split.splits
        return tuple(
            LookAlikes(
                path=manifest.ids[one],
                label=manifest.labels[one],
                split=splits[one],
                other_path=manifest.ids[other],
                other_label=manifest.labels[other],
                other_split=splits[other],
                similarity=round(similarity, 6),
            )
            for (one, other), similarity in zip(
                rows[found.pairs].tolist(), found.similarity.tolist(), strict=True
            )
        )
