"""What a classifier answered about training pictures while they were held out.

Kept in the bundle, so that a promise about new pictures (an error, a coverage) can be made or
changed later. The final head has also learned from these pictures, so promises are those of
cross-validation: they hold for pictures like them, as far as one more fold changes little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import SettingError
from headstart.metrics import abstention, conformal
from headstart.metrics.abstention import Abstention
from headstart.randomness import generator

LEVEL = 0.95
_MOST_ROWS = 10_000
_PREFIX = "out_of_fold."


@dataclass(frozen=True, eq=False)
class Sets:
    """How to make prediction sets.

    Args:
        method: ``"lac"`` or ``"raps"``.
        limit: The largest nonconformity of a member.
        level: The share of sets that hold the true class.
        deviation: Of that share, one standard deviation.
    """

    method: str
    limit: float
    level: float
    deviation: float

    def members(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Bool [C] of probabilities float32 [C]."""
        return np.asarray(conformal.members(probabilities[None], self.method, self.limit)[0])


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Held-out answers, one of each group: rows of a group are right or wrong together.

    Args:
        confidence: float32 [M], calibrated probability of the best class; 0: unfamiliar.
        correct: bool [M], whether the best class is the true one.
        nonconformity: float32 [M], of the true class.
        method: The nonconformity's, a name of ``conformal.METHODS``.
    """

    confidence: npt.NDArray[np.float32]
    correct: npt.NDArray[np.bool_]
    nonconformity: npt.NDArray[np.float32]
    method: str

    @classmethod
    def of(
        cls,
        probabilities: npt.NDArray[np.float32],
        y: npt.NDArray[np.int64],
        groups: npt.NDArray[np.int64],
        familiar: npt.NDArray[np.bool_],
        seed: int,
    ) -> OutOfFold:
        """Draw one row of each group, at most 10 000.

        Args:
            probabilities: float32 [N, C], calibrated, of rows that were held out.
            y: int64 [N], the true classes.
            groups: int64 [N].
            familiar: bool [N]; the others are answered "unfamiliar" at any threshold.
            seed: The run's seed.
        """
        rows = one_of_each(groups, seed)
        p, y = probabilities[rows], y[rows]
        method = conformal.method_for(p.shape[1])
        return cls(
            confidence=np.where(familiar[rows], p.max(axis=1), 0).astype(np.float32),
            correct=p.argmax(axis=1) == y,
            nonconformity=conformal.nonconformity(p, method)[np.arange(len(y)), y],
            method=method,
        )

    def abstention(self, max_error: float) -> Abstention:
        """The threshold for a stated error among the answers.

        Raises:
            SettingError: These pictures cannot show that the error is so small.
        """
        found = abstention.threshold_for(max_error, self.confidence, self.correct, LEVEL)
        if found is None:
            raise self._not_attainable(max_error)
        return found

    def abstention_at(self, threshold: float) -> Abstention:
        """What a threshold that was set beforehand lets expect."""
        return abstention.abstention_at(threshold, self.confidence, self.correct)

    def sets(self, level: float) -> Sets:
        """How to make sets that hold the true class in a stated share of cases.

        Raises:
            SettingError: It takes more pictures for so high a share.
        """
        number = len(self.nonconformity)
        if level > conformal.highest_level(number):
            raise SettingError(
                f"sets that hold the true class in {100 * level:g} % of cases cannot be made from "
                f"{number} held-out pictures",
                f"at most {_down(conformal.highest_level(number))}",
                "ask for less, or fit on more pictures",
            )
        return Sets(
            self.method,
            conformal.threshold(self.nonconformity, level),
            level,
            conformal.coverage_deviation(number, level),
        )

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For the bundle's arrays."""
        return {
            f"{_PREFIX}confidence": self.confidence,
            f"{_PREFIX}correct": self.correct.astype(np.uint8),
            f"{_PREFIX}nonconformity": self.nonconformity,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]], method: str) -> OutOfFold:
        """Read what `to_arrays` wrote.

        Raises:
            KeyError: An array is missing.
        """
        return cls(
            confidence=arrays[f"{_PREFIX}confidence"],
            correct=arrays[f"{_PREFIX}correct"].astype(bool),
            nonconformity=arrays[f"{_PREFIX}nonconformity"],
            method=method,
        )

    def _not_attainable(self, max_error: float) -> SettingError:
        smallest = abstention.smallest_max_error(self.confidence, self.correct, LEVEL)
        least = f"{100 * smallest:g} % or more" if smallest < 1 else "more pictures"
        return SettingError(
            f"an error of at most {100 * max_error:g} % cannot be shown with "
            f"{len(self.correct)} held-out pictures, whatever is left unanswered",
            f"{least} ({100 * LEVEL:g} % confidence)",
            f"ask for that, or fit on more pictures: {100 * max_error:g} % takes more than "
            f"{abstention.fewest_rows(max_error, LEVEL)} answers, even without a single mistake",
        )


def one_of_each(groups: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Rows, rising: one of each group, drawn; at most 10 000 of them.

    Source: Dunn, Wasserman and Ramdas 2023, "Distribution-free prediction sets for two-layer
    hierarchical models" (subsampling once): what is promised is for a picture of a new group.
    """
    mixed = generator(seed, "one of each group").permutation(len(groups))
    drawn = mixed[np.unique(groups[mixed], return_index=True)[1]]
    # The groups come in order of their numbers: mixed again before some are left out.
    kept = generator(seed, "held-out answers").permutation(drawn)[:_MOST_ROWS]
    return np.asarray(np.sort(kept))


def _down(share: float) -> str:
    return f"{np.floor(1000 * share) / 10:g} %"
