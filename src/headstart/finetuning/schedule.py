"""How fast to learn at each step: a factor from 0 to 1 that every learning rate is multiplied by.

Source:
    Loshchilov & Hutter 2017, arXiv 1608.03983, and torch's ``CosineAnnealingLR``; Smith 2018,
    arXiv 1803.09820, and torch's ``OneCycleLR`` (here as fastai sets it: up from 1/25 for a
    quarter of the steps, then down to 0).
"""

from __future__ import annotations

import math


def factor(schedule: str, warmup: float, step: int, steps: int) -> float:
    """The factor at one step.

    Args:
        schedule: ``"cosine"``, ``"one-cycle"`` or ``"constant"``.
        warmup: Share of the steps with a rising rate (one-cycle has its own).
        step: From 0.
        steps: In all.
    """
    if schedule == "one-cycle":
        return _one_cycle(step, steps)
    rising = max(1.0, warmup * steps)
    if step + 1 < rising:
        return (step + 1) / rising
    if schedule == "constant":
        return 1.0
    return _fall((step + 1 - rising) / max(1.0, steps - rising + 1))


def _one_cycle(step: int, steps: int, rising: float = 0.25, start: float = 0.04) -> float:
    top = rising * steps - 1
    if step < top:
        return start + (1 - start) * (1 - _fall(step / top))
    return _fall((step - top) / max(1e-9, steps - 1 - top))


def _fall(share: float) -> float:
    """1 at 0 down to 0 at 1, along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
