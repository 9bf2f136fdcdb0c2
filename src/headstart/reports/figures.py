"""Where things stand in a figure: numbers for the page's SVG, no markup."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """An axis for shares, from ``low`` to ``high``, a tick every ``step``."""

    low: float
    high: float
    step: float

    def place(self, share: float) -> str:
        """Where a share stands, as SVG says it: ``"0%"`` at ``low``, ``"100%"`` at ``high``."""
        inside = min(max(share, self.low), self.high)
        return f"{100 * (inside - self.low) / (self.high - self.low):.2f}%"

    def length(self, start: float, end: float) -> str:
        """How wide the stretch between two shares is."""
        return f"{100 * (end - start) / (self.high - self.low):.2f}%"

    def ticks(self) -> list[float]:
        """The shares to write at the axis."""
        count = round((self.high - self.low) / self.step)
        return [round(self.low + place * self.step, 4) for place in range(count + 1)]


WHOLE = Scale(0.0, 1.0, 0.25)


def scale_for(shares: Iterable[float]) -> Scale:
    """The narrowest axis on round numbers, with at most six ticks, that holds all the shares."""
    shares = list(shares) or [0, 1]
    for step in _STEPS:
        first = math.floor(min(shares) / step + 1e-9)
        last = max(math.ceil(max(shares) / step - 1e-9), first + 1)
        if last - first < _MOST_TICKS:
            break
    if last * step > 1 + 1e-9:  # All of them are 1.
        first, last = first - 1, last - 1
    return Scale(round(first * step, 4), round(last * step, 4), step)
