"""Seconds that may be spent, those that are left, and those that are kept for the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Budget:
    """Counts from when it is made.

    Args:
        seconds: How many there are; None: no limit.
        clock: Seconds.

    Attributes:
        reserved: Of those that are left, what must not be spent on trying.
    """

    def __init__(
        self, seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = math.inf if seconds is None else seconds
        self._clock, self._began, self._added = clock, clock(), 0.0
        self.reserved = 0.0

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self._clock() - self._began + self._added

    @property
    def left(self) -> float:
        """Seconds, negative behind the end; infinite without a limit."""
        return self._limit - self.spent

    def add(self, seconds: float) -> None:
        """Count what an earlier run has spent on what this one finds done.

        Else the same command would go further the second time.
        """
        self._added += seconds
