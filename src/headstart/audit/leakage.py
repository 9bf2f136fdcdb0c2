"""What copies on both sides of a split are worth, in points of accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.metrics.comparison import Difference, paired_difference
from headstart.metrics.intervals import Groups

Correct = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LeakagePrice:
    """One head judged twice on the same rows: copies torn apart, and copies kept together.

    Args:
        num_images: N.
        num_with_copies: How many of them share their group with another.
        random_split: The accuracy with copies torn apart.
        kept_together: The accuracy with groups kept whole.
        difference: The first less the second, with its interval: what was leakage.
    """

    num_images: int
    num_with_copies: int
    random_split: float
    kept_together: float
    difference: Difference

    @property
    def shown(self) -> bool:
        """Whether the difference is more than chance."""
        return self.difference.low > 0

    def text(self) -> str:
        """``"random split 97 %, copies kept together 91 %: 6 points were leakage (4 to 7)"``."""
        gap = self.difference
        start = (
            f"random split {100 * self.random_split:.1f} %, "
            f"copies kept together {100 * self.kept_together:.1f} %: "
        )
        interval = f"({100 * gap.low:.1f} to {100 * gap.high:.1f})"
        if not self.shown:
            return f"{start}no leakage that could be told from chance {interval}"
        return f"{start}{100 * gap.difference:.1f} points were leakage {interval}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "num_images": self.num_images,
            "num_with_copies": self.num_with_copies,
            "random_split": round(self.random_split, 6),
            "kept_together": round(self.kept_together, 6),
            "difference": round(self.difference.difference, 6),
            "interval": [round(self.difference.low, 6), round(self.difference.high, 6)],
            "shown": self.shown,
        }


def leakage_price(plain: Correct, grouped: Correct, groups: Groups, seed: int = 0) -> LeakagePrice:
    """Price the copies by the out-of-fold answers of one candidate.

    Args:
        plain: bool [N], right when rows were dealt to folds (and left out) one by one.
        grouped: bool [N], right when groups were kept whole.
        groups: [N], copies and others that belong together.
        seed: The run's seed, for the interval.
    """
    place = np.unique(groups, return_inverse=True)[1]
    return LeakagePrice(
        num_images=len(plain),
        num_with_copies=int((np.bincount(place)[place] > 1).sum()),
        random_split=float(plain.mean()),
        kept_together=float(grouped.mean()),
        difference=paired_difference(plain, grouped, groups, seed),
    )
