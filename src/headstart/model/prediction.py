"""What a classifier says about one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import UnusableImage
from headstart.model.out_of_fold import Sets

AMBIGUOUS = "ambiguous"
UNFAMILIAR = "unfamiliar"
# The best class must be twice as probable as all others together.
AMBIGUOUS_BELOW = 2 / 3


@dataclass(frozen=True)
class Unsure:
    """When a classifier answers "unsure".

    Args:
        ambiguous_below: Calibrated probability of the best class below which two or more
            classes are plausible.
        unfamiliar_above: Mean cosine distance to the nearest training pictures above which a
            picture is unlike anything seen.
    """

    ambiguous_below: float
    unfamiliar_above: float

    def reason(self, probability: float, distance: float) -> str | None:
        """``"unfamiliar"``, ``"ambiguous"`` or None; unfamiliar comes first."""
        if distance > self.unfamiliar_above:
            return UNFAMILIAR
        return AMBIGUOUS if probability < self.ambiguous_below else None


def threshold_text(ambiguous_below: float) -> str:
    """``"below a probability of 93.2 %"``, never rounded up to certainty."""
    if not ambiguous_below:
        return "at no probability"
    digits = 4 if ambiguous_below < 0.999 else 8
    return f"below a probability of {100 * ambiguous_below:.{digits}g} %"


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture.

    Args:
        path: As it was given; ``"<bytes>"`` for bytes.
        label: The most probable class; None when the picture could not be used.
        probability: Of that class, calibrated, in [0, 1].
        ranking: Every class with its probability, the most probable first.
        unsure: The answer should not be relied on.
        reason: ``"ambiguous"``, ``"unfamiliar"``, or why the picture could not be used
            (a code of ``headstart.unusable.REASONS``, then maybe a colon and the detail).
        set: Classes of which one is the true one in a stated share of cases, the most probable
            first; empty when the picture could not be used; None when no sets were asked for.
    """

    path: str
    label: str | None
    probability: float | None
    ranking: tuple[tuple[str, float], ...]
    unsure: bool
    reason: str | None
    set: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        path: str,
        probabilities: npt.NDArray[np.float32],
        distance: float,
        class_names: tuple[str, ...],
        unsure: Unsure,
        sets: Sets | None = None,
    ) -> Prediction:
        """From probabilities float32 [C] and a distance to the training pictures."""
        order = np.argsort(-probabilities, kind="stable")
        ranking = tuple((class_names[k], float(probabilities[k])) for k in order)
        label, probability = ranking[0]
        reason = unsure.reason(probability, distance)
        members = None
        if sets is not None:
            inside = sets.members(probabilities)
            members = tuple(class_names[k] for k in order if inside[k])
        return cls(path, label, probability, ranking, reason is not None, reason, members)

    @classmethod
    def unusable(cls, path: str, failure: UnusableImage, sets: Sets | None = None) -> Prediction:
        """For a picture that could not be used."""
        return cls(path, None, None, (), True, failure.what, None if sets is None else ())

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """Plain values; ``top`` keeps so many of the ranking. ``set`` only if asked for."""
        values = {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "ranking": [{"label": k, "probability": p} for k, p in self.ranking[:top]],
            "unsure": self.unsure,
            "reason": self.reason,
        }
        return values if self.set is None else values | {"set": list(self.set)}
