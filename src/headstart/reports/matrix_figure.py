"""The size-similarity matrix as an SVG picture: four quadrants, references, the dataset's place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

# Logarithmic axis of pictures a class; the literature's line of 1 000 is its middle.
_LEAST, _MOST = 1.0, 1_000_000.0
LEFT, TOP, WIDTH, HEIGHT = 74.0, 34.0, 640.0, 400.0


@dataclass(frozen=True)
class MatrixFigure:
    """What the picture shows.

    Args:
        name: The dataset's.
        nearness: To the pretraining, 0..1 with the line at 0.5; None: not known, and the dataset is
            drawn as a band.
        between: Its interval.
        per_class: Mean number of training pictures a class.
        smallest, largest: Of one class.
        quadrant: The number of the dataset's quadrant; None if not known.
        references: Names and nearness of the reference sets.
        advice: For each quadrant, 1 to 4, what the decision map says.
        evidence: What the evidence says, in a few words.
    """

    name: str
    nearness: float | None
    between: tuple[float, float] | None
    per_class: float
    smallest: int
    largest: int
    quadrant: int | None
    references: tuple[tuple[str, float], ...]
    advice: tuple[str, str, str, str]
    evidence: str


def matrix_svg(figure: MatrixFigure, *, alone: bool = False) -> str:
    """The picture as text.

    Args:
        figure: What to show.
        alone: For a file of its own, which brings its own style; otherwise the page's applies.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_source("matrix.svg"))
    return template.render(
        figure=figure,
        style=_source("matrix.css") if alone else "",
        x=across,
        y=up,
        left=LEFT,
        top=TOP,
        width=WIDTH,
        height=HEIGHT,
        decades=[10**power for power in range(7)],
        labels=_apart(figure.references),
        quadrants=_quadrants(figure),
    )


def across(nearness: float) -> float:
    """Where a set stands: different on the left, similar on the right."""
    return round(LEFT + WIDTH * min(max(nearness, 0.0), 1.0), 1)


def up(number: float) -> float:
    """Where a number of pictures stands: many at the top."""
    inside = min(max(number, _LEAST), _MOST)
    share = math.log(inside / _LEAST) / math.log(_MOST / _LEAST)
    return round(TOP + HEIGHT * (1 - share), 1)


def _quadrants(figure: MatrixFigure) -> list[dict[str, object]]:
    """Corner, number and words of each quadrant, and whether the dataset lies there."""
    half_width, half_height = WIDTH / 2, HEIGHT / 2
    corners = {
        1: (LEFT, TOP),
        2: (LEFT + half_width, TOP),
        3: (LEFT, TOP + half_height),
        4: (LEFT + half_width, TOP + half_height),
    }
    found = []
    for number, (x, y) in corners.items():
        lines = _wrapped(f"the rule: {figure.advice[number - 1]}", 48)
        # At the outer edge: most datasets lie near the middle of the picture.
        below = half_height - 12 - 15 * len(lines)
        found.append(
            {
                "number": number,
                "x": x,
                "y": y,
                "text": y + (20 if number < 3 else below),
                "lines": lines,
                "here": number == figure.quadrant,
            }
        )
    return found


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _apart(references: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
    """Name, place, and the label's own place, at least a line's height from its neighbours'."""
    placed: list[tuple[str, float, float]] = []
    least = 17.0
    for name, nearness in sorted(references, key=lambda row: row[1]):
        x = across(nearness)
        label = max(x, placed[-1][2] + least) if placed else x
        placed.append((name, x, label))
    # What was pushed beyond the end is pulled back.
    end = LEFT + WIDTH + 8
    for place in range(len(placed) - 1, -1, -1):
        name, x, label = placed[place]
        label = min(label, end)
        placed[place] = (name, x, round(label, 1))
        end = label - least
    return placed


def _source(name: str) -> str:
    return files("headstart.reports").joinpath(name).read_text(encoding="utf-8")
