"""Every number of one evaluation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import NotEnoughData
from headstart.metrics.accuracy import (
    PerClass,
    accuracy,
    balanced_accuracy,
    majority_baseline,
    per_class,
)
from headstart.metrics.confusion import Confusion, confusion_matrix, largest_confusions
from headstart.metrics.intervals import Interval, accuracy_interval, balanced_interval
from headstart.metrics.probability import (
    Probabilities,
    Reliability,
    calibration_error,
    log_loss,
    reliability,
)

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOST_SQUARE = 200  # classes; of more the matrix is mostly zeros, and a file of megabytes


@dataclass(frozen=True)
class WithoutLeakage:
    """The accuracy over the pictures that training has not seen: no copy, near-copy or group mate.

    Args:
        num_images: How many these are.
        accuracy: None when there are none.
        interval: Of the accuracy; [0, 1] when there are none.
    """

    num_images: int
    accuracy: float | None
    interval: Interval


@dataclass(frozen=True)
class WhenSure:
    """The error among the pictures that were answered, the others being "unsure".

    Args:
        answered: How many were answered.
        coverage: The share of all pictures that was answered.
        coverage_interval: Of the coverage.
        error: The share of the answers that is wrong; None without an answer.
        interval: Of the error; [0, 1] without an answer.
    """

    answered: int
    coverage: float
    coverage_interval: Interval
    error: float | None
    interval: Interval


@dataclass(frozen=True, eq=False)
class Results:
    """Every number of one evaluation; make it with ``Results.of``.

    Args:
        class_names: C names, in the order of the class indices.
        num_images: The pictures judged, N.
        accuracy: The share of right answers.
        interval: Of the accuracy.
        balanced_accuracy: The mean recall of the classes that were tested.
        balanced_interval: Of the balanced accuracy.
        log_loss: Mean -log(probability of the true class), in nats.
        calibration_error: Mean distance of confidence and accuracy, in bins of equal mass: 15, or
            fewer where these would hold fewer than 50 answers.
        majority_baseline: The accuracy of always answering the most frequent class.
        per_class: Precision, recall, F1 and support.
        confusion: int64 [C, C], a row for each true class.
        largest_confusions: The ten most frequent mistakes.
        reliability: Confidence against accuracy, in at most ten bins.
        without_leakage: The accuracy without leaked pictures; None when there are no such.
        untested_classes: Names of the classes without a picture among those judged.
        when_sure: The error among the answered; None when nothing says which would be answered.
    """

    class_names: tuple[str, ...]
    num_images: int
    accuracy: float
    interval: Interval
    balanced_accuracy: float
    balanced_interval: Interval
    log_loss: float
    calibration_error: float
    majority_baseline: float
    per_class: PerClass
    confusion: Indices
    largest_confusions: tuple[Confusion, ...]
    reliability: Reliability
    without_leakage: WithoutLeakage | None
    untested_classes: tuple[str, ...]
    when_sure: WhenSure | None = None

    @classmethod
    def of(
        cls,
        y: Indices,
        probabilities: Probabilities,
        class_names: tuple[str, ...],
        *,
        groups: npt.NDArray[Any] | None = None,
        majority_class: int | None = None,
        leaked: Flags | None = None,
        answered: Flags | None = None,
        seed: int = 0,
    ) -> Results:
        """Judge answers.

        Args:
            y: int64 [N], the true classes.
            probabilities: float [N, C]; the answer is the most probable class.
            class_names: C names.
            groups: [N], pictures with the same value are right or wrong together.
            majority_class: The most frequent class in training; that of ``y`` when not given.
            leaked: bool [N], the pictures that training has seen.
            answered: bool [N], the pictures about which the classifier is not unsure.
            seed: The run's seed, for the intervals.

        Raises:
            NotEnoughData: There is no picture to judge on.
        """
        if not len(y):
            raise NotEnoughData("there is no picture to judge on", "at least one with a label")
        num_classes = len(class_names)
        predicted = probabilities.argmax(axis=1)
        correct = predicted == y
        matrix = confusion_matrix(y, predicted, num_classes)
        scores = per_class(y, predicted, num_classes)
        trained = y if majority_class is None else np.array([majority_class])
        return cls(
            class_names=tuple(class_names),
            num_images=len(y),
            accuracy=accuracy(y, predicted),
            interval=accuracy_interval(correct, groups, seed),
            balanced_accuracy=balanced_accuracy(y, predicted, num_classes),
            balanced_interval=balanced_interval(correct, y, groups, seed=seed),
            log_loss=log_loss(y, probabilities),
            calibration_error=calibration_error(y, probabilities),
            majority_baseline=majority_baseline(trained, y),
            per_class=scores,
            confusion=matrix,
            largest_confusions=largest_confusions(matrix, class_names),
            reliability=reliability(y, probabilities, min(10, max(1, len(y) // 10))),
            without_leakage=_without_leakage(correct, groups, leaked, seed),
            untested_classes=tuple(
                name for name, n in zip(class_names, scores.support, strict=True) if n == 0
            ),
            when_sure=None if answered is None else _when_sure(correct, groups, answered, seed),
        )

    @property
    def leaked_points(self) -> float:
        """By how much pictures that training has seen raise the accuracy, in points."""
        clean = self.without_leakage
        if clean is None or clean.accuracy is None:
            return 0.0
        return 100 * (self.accuracy - clean.accuracy)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, the same to the last digit in every run; the keys are a contract."""
        clean, sure = self.without_leakage, self.when_sure
        return {
            "accuracy": _plain(self.accuracy),
            "interval": _ends(self.interval),
            "interval_method": self.interval.method,
            "num_images": self.num_images,
            "balanced_accuracy": _plain(self.balanced_accuracy),
            "log_loss": _plain(self.log_loss),
            "calibration_error": _plain(self.calibration_error),
            "majority_baseline": _plain(self.majority_baseline),
            "classes": [row | _rounded(row) for row in self.class_rows()],
            "confusion": {"labels": list(self.class_names), **_cells(self.confusion)},
            "largest_confusions": [
                asdict(confusion) | {"share": _plain(confusion.share)}
                for confusion in self.largest_confusions
            ],
            "without_leakage": clean
            and {
                "num_images": clean.num_images,
                "accuracy": None if clean.accuracy is None else _plain(clean.accuracy),
                "interval": _ends(clean.interval),
            },
            "untested_classes": list(self.untested_classes),
            "unsure": sure
            and {
                "num_answered": sure.answered,
                "coverage": _plain(sure.coverage),
                "coverage_interval": _ends(sure.coverage_interval),
                "error_when_answered": None if sure.error is None else _plain(sure.error),
                "interval": _ends(sure.interval),
            },
        }

    def class_rows(self) -> list[dict[str, Any]]:
        """One row for each class: name, precision, recall, f1, support."""
        table = self.per_class
        columns = zip(
            self.class_names,
            table.precision.tolist(),
            table.recall.tolist(),
            table.f1.tolist(),
            table.support.tolist(),
            strict=True,
        )
        keys = ("name", "precision", "recall", "f1", "support")
        return [dict(zip(keys, row, strict=True)) for row in columns]


def percent(share: float) -> str:
    """``"98.1 %"``; 100.0 is kept for what is whole, 0.0 for what is nothing."""
    return f"{_hundredths(share)} %"


def interval_text(interval: Interval) -> str:
    """``"96.8 – 98.9"``, in per cent."""
    return f"{_hundredths(interval.low)} – {_hundredths(interval.high)}"


def summary_lines(
    results: Results, pictures: str, unseen: str = "no copies, no group mates"
) -> list[str]:
    """The results for the console, the most important first.

    Args:
        results: What to tell.
        pictures: Which pictures they are about.
        unseen: What those that training has not seen are.
    """
    lines = [
        f"{pictures}: {percent(results.accuracy)} ({interval_text(results.interval)})"
        f" of {results.num_images} · balanced accuracy {percent(results.balanced_accuracy)}"
        f" · majority baseline {percent(results.majority_baseline)}"
    ]
    if results.largest_confusions:
        lines.append(f"most often confused: {_confusions_text(results.largest_confusions[:3])}")
    if results.without_leakage:
        lines.insert(0, _leakage_line(results, unseen))
    if results.when_sure:
        lines.append(_sure_line(results.when_sure))
    if results.untested_classes:
        lines.append(f"classes without a test picture: {', '.join(results.untested_classes)}")
    return lines


def _without_leakage(
    correct: Flags, groups: npt.NDArray[Any] | None, leaked: Flags | None, seed: int
) -> WithoutLeakage | None:
    if leaked is None or not leaked.any():
        return None
    clean = correct[~leaked]
    interval = accuracy_interval(clean, None if groups is None else groups[~leaked], seed)
    return WithoutLeakage(len(clean), float(clean.mean()) if len(clean) else None, interval)


def _when_sure(
    correct: Flags, groups: npt.NDArray[Any] | None, answered: Flags, seed: int
) -> WhenSure:
    wrong = ~correct[answered]
    return WhenSure(
        answered=len(wrong),
        coverage=float(answered.mean()),
        coverage_interval=accuracy_interval(answered, groups, seed),
        error=float(wrong.mean()) if len(wrong) else None,
        interval=accuracy_interval(wrong, None if groups is None else groups[answered], seed),
    )


def _cells(confusion: Indices) -> dict[str, list[list[int]]]:
    """The matrix; of many classes only [true, answer, count] of the cells that are not 0."""
    if len(confusion) <= _MOST_SQUARE:
        return {"matrix": confusion.tolist()}
    true, answer = np.nonzero(confusion)
    return {"cells": np.stack([true, answer, confusion[true, answer]], axis=1).tolist()}


def _confusions_text(confusions: tuple[Confusion, ...]) -> str:
    return ", ".join(
        f"{each.true} taken for {each.predicted} ({each.count})" for each in confusions
    )


def _leakage_line(results: Results, unseen: str) -> str:
    clean = results.without_leakage
    assert clean is not None
    if clean.accuracy is None:
        return (
            "training has seen every one of the pictures, or its like: "
            "what follows says nothing of new ones"
        )
    points = results.leaked_points
    of_it = f": {points:.1f} points of the next line are leakage" if points >= 0.05 else ""
    return (
        f"pictures that training has not seen, as far as is known ({unseen}): "
        f"{percent(clean.accuracy)} ({interval_text(clean.interval)}) of {clean.num_images}{of_it}"
    )


def _sure_line(sure: WhenSure) -> str:
    if sure.error is None:
        return "unsure about every one of them"
    return (
        f"sure about {percent(sure.coverage)} ({interval_text(sure.coverage_interval)}); of these"
        f" answers {percent(sure.error)} are wrong ({interval_text(sure.interval)})"
    )


def _hundredths(share: float) -> str:
    rounded = round(100 * share, 1)
    if 0 < share < 1:
        rounded = min(max(rounded, 0.1), 99.9)
    return f"{rounded:.1f}"


def _plain(value: float) -> float:
    return round(float(value), 6)


def _ends(interval: Interval) -> list[float]:
    return [_plain(interval.low), _plain(interval.high)]


def _rounded(row: dict[str, Any]) -> dict[str, float]:
    return {name: _plain(value) for name, value in row.items() if isinstance(value, float)}
