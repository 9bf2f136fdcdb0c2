"""The learning-rate range test as an SVG picture: loss against a rising rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

LEFT, TOP, WIDTH, HEIGHT = 60.0, 34.0, 640.0, 300.0
_PARTS = 4


def rate_svg(rates: Sequence[float], losses: Sequence[float], suggestion: float, what: str) -> str:
    """The picture as text.

    Args:
        rates: Rising, above 0.
        losses: One for each rate.
        suggestion: The rate to mark.
        what: What was trained, in words.
    """
    low, high = min(losses), max(losses)
    first, last = math.log10(rates[0]), math.log10(rates[-1])

    def x(rate: float) -> float:
        return round(LEFT + WIDTH * (math.log10(rate) - first) / max(last - first, 1e-9), 1)

    def y(loss: float) -> float:
        return round(TOP + HEIGHT * (high - loss) / max(high - low, 1e-9), 1)

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sources = files("headstart.reports")
    return environment.from_string(sources.joinpath("rate.svg").read_text("utf-8")).render(
        style=sources.joinpath("matrix.css").read_text("utf-8"),
        what=what,
        suggestion=suggestion,
        points=" ".join(f"{x(r)},{y(loss)}" for r, loss in zip(rates, losses, strict=True)),
        decades=[10.0**power for power in range(math.ceil(first), math.floor(last) + 1)],
        levels=[low + (high - low) * part / _PARTS for part in range(_PARTS + 1)],
        x=x,
        y=y,
        left=LEFT,
        top=TOP,
        width=WIDTH,
        height=HEIGHT,
    )
