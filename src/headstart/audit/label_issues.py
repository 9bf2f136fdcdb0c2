"""Labels that look wrong: ranked, and ticked where the evidence is confident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.audit.chance import Floats, expected_by_chance
from headstart.metrics.nearness import Nearest

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_CLOSE = 1e-6  # probabilities that differ by less are equal


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """What speaks against each label. A list to look at: nothing is to be deleted by it.

    Args:
        score: float64 [N], how well the label is supported, from 0 (not at all) to 1.
        order: int64 [N], rows, the least supported first.
        self_confidence: float64 [N], the out-of-fold probability of the label.
        predicted: int64 [N], the most probable class.
        ticked: bool [N], likely wrong by confident learning.
        agreement: float64 [N], the share of the nearest pictures that have the same label: a
            second vote, NaN where there is none.
    """

    score: Floats
    order: Rows
    self_confidence: Floats
    predicted: Rows
    ticked: Flags
    agreement: Floats


def label_issues(
    probabilities: npt.NDArray[Any], y: Rows, near: Nearest | None = None
) -> LabelIssues:
    """Rank labels by how little supports them.

    A label can be wrong in two ways. Another class fits better: its own probability is low. Or no
    class fits (a logo among cats and dogs): then probabilities mean nothing, and what is left is
    1/C. With ``near``, a picture too far from all others for chance is scored as a mixture of the
    two, and never higher than its probability.

    Args:
        probabilities: float [N, C], calibrated, of rows the head was not fitted on.
        y: int [N], the given class indices.
        near: The nearest pictures (`outliers.neighbourhood`), for the mixture and the second vote.

    Source:
        Northcutt, Jiang, Chuang 2021, "Confident learning: estimating uncertainty in dataset
        labels". ``self_confidence`` and ``ticked`` match cleanlab's
        ``get_label_quality_scores``, ``find_label_issues(filter_by="prune_by_noise_rate")`` and
        ``compute_confident_joint``; ties are broken in favour of the given label.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    confidence = p[np.arange(len(y)), y]
    joint = confident_joint(p, y)
    score = confidence if near is None else _mixed(confidence, near, p.shape[1])
    return LabelIssues(
        score=score,
        order=np.lexsort((confidence, score)),
        self_confidence=confidence,
        predicted=p.argmax(axis=1),
        ticked=_ticked(p, y, joint),
        agreement=np.full(len(y), np.nan) if near is None else label_agreement(near, y),
    )


def confident_joint(p: Floats, y: Rows) -> Rows:
    """int64 [C, C]: pictures of each given class (row) by the class they seem to be (column).

    A picture seems to be the most probable of the classes whose probability is at least the mean
    one among pictures of that label; rows are then scaled to the number of pictures they stand
    for.

    Args:
        p: float64 [N, C].
        y: int [N].
    """
    num_classes = p.shape[1]
    counts = np.bincount(y, minlength=num_classes)
    sums = np.bincount(y, p[np.arange(len(y)), y], num_classes)
    thresholds = np.where(counts > 0, np.maximum(sums / np.maximum(counts, 1), 2 * _CLOSE), np.inf)
    confident = np.where(p >= thresholds - _CLOSE, p, -np.inf)
    some = np.isfinite(confident).any(axis=1)
    joint = np.zeros((num_classes, num_classes))
    np.add.at(joint, (y[some], confident[some].argmax(axis=1)), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint *= (counts / joint.sum(axis=1))[:, None]
    return np.array([_rounded(row, given) for given, row in enumerate(joint)])


def label_agreement(near: Nearest, y: Rows) -> Floats:
    """float64 [N], the share of each row's nearest rows with its label; NaN if it has none."""
    there = np.isfinite(near.similarity)
    same = (y[near.rows] == y[:, None]) & there
    number = there.sum(axis=1)
    return np.where(number > 0, same.sum(axis=1) / np.maximum(number, 1), np.nan)


def _mixed(confidence: Floats, near: Nearest, num_classes: int) -> Floats:
    usual = np.minimum(1.0, expected_by_chance(near.distance, "far"))
    return np.minimum(confidence, usual * confidence + (1 - usual) / num_classes)


def _ticked(p: Floats, y: Rows, joint: Rows) -> Flags:
    """As many of each given class as seem to be of another: those with the largest margin."""
    ticked = np.zeros(len(y), dtype=bool)
    for given, seeming in zip(*np.nonzero(joint), strict=True):
        members = np.flatnonzero(y == given)
        if given != seeming and len(members) > 1:
            margin = p[members, seeming] - p[members, given]
            ticked[members[np.argsort(-margin, kind="stable")[: joint[given, seeming]]]] = True
    own = p[np.arange(len(y)), y]
    return np.asarray(ticked & (own + _CLOSE < p.max(axis=1)))


def _rounded(values: Floats, favoured: int) -> Rows:
    """Whole numbers with the same sum: the largest remainders are rounded up."""
    whole = np.floor(values + _CLOSE)
    remainder = values - whole
    remainder[favoured] += _CLOSE
    left = round(float(values.sum() - whole.sum()))
    whole[np.argsort(-remainder, kind="stable")[:left]] += 1
    return whole.astype(np.int64)
