"""A distance in one line that a person can read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headstart.strategy.distance import BATCH_NORM, LINE, Distance
from headstart.strategy.references import Reference

# A third of the depth is named when it lies this much further off than the other two do.
_STANDS_OUT = 0.5
_MEANING = {"early": " (how the pictures look)", "middle": "", "late": " (what they show)"}
# Of the pixels, in 0..1. ImageNet's pictures have a median colour of 0.13, a contrast of 0.21
# and a border of 0.20.
_GRAY, _LOW_CONTRAST, _PLAIN_BORDER = 0.02, 0.12, 0.05


def in_words(
    found: Distance, references: Sequence[Reference], look: tuple[float, float, float]
) -> str:
    """One line.

    Args:
        found: The distance.
        references: Sorted by score; may be empty.
        look: Median colour, contrast and unevenness of the border.
    """
    traits = _traits(look)
    seen = [f"the pictures are {', '.join(traits)}"] if traits else []
    moved = _moved(found)
    if not references:
        return "; ".join([*moved, "there is no reference table for this backbone", *seen])
    return "; ".join([*moved, _rank(found, references), *_where(found, references[0]), *seen])


def _moved(found: Distance) -> list[str]:
    """How far the centre is, as the score has it: half the logarithm of a squared distance."""
    if found.measured_by != BATCH_NORM:
        return []
    side, than = ("similar", "at most") if found.score <= LINE else ("different", "more than")
    far, low, high = (math.exp(score / 2) for score in (found.score, *found.interval))
    return [
        f"{side}: {far:.2f} ({low:.2f} – {high:.2f}) of their own spread from the pretraining's "
        f"pictures, {than} {math.exp(LINE / 2):.2f}"
    ]


def _rank(found: Distance, references: Sequence[Reference]) -> str:
    nearer = [reference for reference in references if reference.score <= found.score]
    further = references[len(nearer) :]
    rank = f"more photo-like than {len(further)} of {len(references)} reference sets"
    if not nearer:
        return f"{rank}, '{further[0].name}' the nearest"
    if not further:
        return f"{rank}, '{nearer[-1].name}' the nearest"
    return f"{rank}, between '{nearer[-1].name}' and '{further[0].name}'"


def _where(found: Distance, nearest: Reference) -> list[str]:
    """Which third of the depth is off, measured from where the pretraining's own pictures lie."""
    if not found.thirds or not nearest.thirds:
        return []
    off = {name: value - nearest.thirds[name] for name, value in found.thirds.items()}
    most = max(off, key=off.__getitem__)
    others = (sum(off.values()) - off[most]) / (len(off) - 1)
    if off[most] - others < _STANDS_OUT:
        return []
    return [f"the shift is mostly in the {most} layers{_MEANING[most]}"]


def _traits(look: tuple[float, float, float]) -> list[str]:
    colour, contrast, border = look
    traits = {
        "gray": colour < _GRAY,
        "low in contrast": contrast < _LOW_CONTRAST,
        "on one background": border < _PLAIN_BORDER,
    }
    return [trait for trait, holds in traits.items() if holds]
