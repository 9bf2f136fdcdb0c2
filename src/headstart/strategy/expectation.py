"""What adapting the backbone may bring, and how many pictures could show it.

The prior is a table of published differences between fine-tuned and frozen networks, by pictures a
class and by how well frozen features do. It is wide, and says so; it decides only whether trying is
worth the time. What is then believed is the paired comparison.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from headstart.metrics.intervals import wilson

# A difference smaller than this does not matter to people.
MATTERS = 0.01

# Gain in accuracy of adapting over freezing (low, middle, high), up to so many pictures a class.
# Source: VTAB-1k tables of the PETL benchmark, RanPAC's tables, BiT; and the loss of up to 8
# points seen on small textures and scans, which published tables of tuned recipes do not show.
_UP_TO = (7.5, 30.0, 100.0, 1000.0, math.inf)
_GAINS = {
    "strong": ((-12, -3, 0), (-4, 1, 3), (-2, 1, 3), (0, 2, 5), (2, 3, 5)),
    "middling": ((-8, 0, 4), (-8, 2, 16), (-7, 4, 20), (-2, 5, 15), (2, 6, 15)),
    "weak": ((-2, 5, 20), (0, 20, 50), (0, 20, 50), (0, 20, 50), (3, 25, 50)),
}
# Of frozen features that tell nothing apart no table speaks: that is no reason to hope for much.
_UNKNOWN = (-2, 0, 20)
NOTHING = "none"
# Share of rows on which two classifiers differ, by the difference in their accuracies.
_DISCORDANCE = ((0.0, 0.01, 0.02, 0.03, 0.05, 0.5), (0.045, 0.05, 0.06, 0.08, 0.12, 1.0))
_POWER, _LEVEL = 0.80, 0.95


@dataclass(frozen=True)
class Expectation:
    """What adapting the backbone may bring.

    Args:
        fitness: ``"strong"``, ``"middling"`` or ``"weak"``: how much of the way from chance to
            perfect the frozen features go, and how similar the pictures are; ``"none"``: no way
            that so many pictures could show.
        low, middle, high: Expected gain in accuracy, an interval of about 80 %.
        detectable: The smallest gain that so many pictures would show four times in five.
        num_images: How many pictures judge.
        needed: How many would show the middle of the expected gain; None if that is no gain.
    """

    fitness: str
    low: float
    middle: float
    high: float
    detectable: float
    num_images: int
    needed: int | None

    @property
    def tells_apart(self) -> bool:
        """Whether the frozen candidate is seen to do better than always giving one answer."""
        return self.fitness != NOTHING

    @property
    def is_worth_trying(self) -> bool:
        """Whether the gain may matter, and could be seen."""
        return self.tells_apart and self.high >= max(MATTERS, self.detectable)

    @property
    def words(self) -> str:
        """One sentence."""
        if not self.tells_apart:
            return (
                "as far as so many pictures can tell that is no better than always giving the same "
                "answer: look at labels, pictures and how even the classes are first; adapting the "
                "backbone is a long shot"
            )
        middle = f"{100 * self.middle:+.0f}"
        points = "point" if middle in ("+1", "-1") else "points"
        gain = (
            f"adapting the backbone may change accuracy by about {middle} {points} "
            f"({100 * self.low:+.0f} to {100 * self.high:+.0f})"
        )
        if self.high < MATTERS:
            return f"{gain}: {'no gain to expect' if self.middle < 0 else 'too little to matter'}"
        needed = f", {self.needed} are needed to show the middle" if self.needed else ""
        seen = f"{self.num_images} pictures can show {100 * self.detectable:.1f} points or more"
        no = "" if self.is_worth_trying else ": they could not prove it"
        return f"{gain}; {seen}{no}{needed}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rounded = {k: round(v, 4) for k, v in vars(self).items() if isinstance(v, float)}
        return {**vars(self), **rounded, "words": self.words, "worth_trying": self.is_worth_trying}


def expect(
    accuracy: float,
    chance: float,
    pictures_per_class: float,
    is_similar: bool | None,
    num_images: int,
) -> Expectation:
    """What to expect of adapting the backbone.

    Args:
        accuracy: Of the best frozen candidate, corrected for having been chosen.
        chance: Of always giving the most frequent answer.
        pictures_per_class: Mean number of training pictures.
        is_similar: Whether the pictures are like those of the pretraining; None if not known.
        num_images: Independent pictures that judge: copies and group mates count once.
    """
    tells_apart = wilson(accuracy * num_images, num_images).low > chance
    fitness = _fitness(accuracy, chance, is_similar) if tells_apart else NOTHING
    row = next(k for k, most in enumerate(_UP_TO) if pictures_per_class <= most)
    error = 1 - accuracy
    # Adapting halves the odds of an error where features fit well, and cannot do more than all.
    most = error if fitness in ("weak", NOTHING) else error / 2
    gains = _UNKNOWN if fitness == NOTHING else _GAINS[fitness][row]
    low, middle, high = (gain / 100 for gain in gains)
    # What is above nothing shrinks alike, so that the middle stays one.
    shrunk = min(1.0, most / high) if high > 0 else 1.0
    low, middle, high = (gain * shrunk if gain > 0 else gain for gain in (low, middle, high))
    return Expectation(
        fitness=fitness,
        low=low,
        middle=middle,
        high=high,
        detectable=smallest_detectable(num_images),
        num_images=num_images,
        needed=pictures_needed(middle) if middle > 0 else None,
    )


def _fitness(accuracy: float, chance: float, is_similar: bool | None) -> str:
    covered = (accuracy - chance) / max(1 - chance, 1e-9)
    if covered < 0.4:
        return "weak"
    # A strong probe on pictures unlike the pretraining data still left something to gain.
    return "strong" if covered >= 0.85 and is_similar is not False else "middling"


def pictures_needed(gain: float) -> int:
    """How many pictures a paired test needs to show a gain four times in five.

    Args:
        gain: Difference in accuracy, above 0.

    Source:
        Connor 1987, "Sample size for testing differences in proportions for the paired-sample
        design", with the discordance seen between classifiers of like accuracy.
    """
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf((1 + _LEVEL) / 2), normal.inv_cdf(_POWER)
    discordance = max(float(np.interp(gain, *_DISCORDANCE)), gain)
    spread = math.sqrt(max(discordance - gain**2, 0.0))
    return math.ceil(((z_level * math.sqrt(discordance) + z_power * spread) / gain) ** 2)


def smallest_detectable(num_images: int) -> float:
    """The smallest gain that so many pictures would show four times in five; at most 1."""
    low, high = 1e-4, 1.0
    if num_images < pictures_needed(high):
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if pictures_needed(middle) <= num_images else (middle, high)
    return high
