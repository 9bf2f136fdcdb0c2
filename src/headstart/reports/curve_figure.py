"""Where a learning curve's points, law and band stand in a figure: numbers, no markup."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from headstart.audit.learning_curve import Expected, LearningCurve
from headstart.metrics.intervals import Interval, wilson
from headstart.reports.figures import Scale, scale_for

_SAMPLES = 41


@dataclass(frozen=True)
class CurvePoint:
    """What was measured with some number of pictures."""

    num_images: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class CurveFigure:
    """A learning curve to be drawn: pictures to the right, on a logarithmic axis; accuracy up.

    Both axes are 0 to 100; 0 is left and, as SVG has it, at the top.

    Args:
        points: Measured.
        law: What the law says of numbers of pictures in equal ratios, the first and the last
            those at the ends of the axis.
        num_images: The pictures there are.
        scale: Of the accuracy.
    """

    points: tuple[CurvePoint, ...]
    law: tuple[Expected, ...]
    num_images: int
    scale: Scale

    def x(self, num_images: float) -> float:
        """Where a number of pictures stands."""
        fewest, most = self.law[0].num_images, self.law[-1].num_images
        return round(100 * math.log(num_images / fewest) / math.log(most / fewest), 2)

    def y(self, accuracy: float) -> float:
        """Where an accuracy stands."""
        low, high = self.scale.low, self.scale.high
        return round(100 * (high - accuracy) / (high - low), 2)

    @property
    def ticks(self) -> tuple[int, ...]:
        """The numbers of pictures to write: those measured, and twice and four times the most."""
        sizes = [point.num_images for point in self.points]
        return (*sizes, 2 * sizes[-1], self.law[-1].num_images)

    @property
    def line(self) -> str:
        """The law, as the points of an SVG polyline."""
        return self._points((each.num_images, each.accuracy) for each in self.law)

    @property
    def band(self) -> str:
        """Its interval, as the points of an SVG polygon."""
        above = [(each.num_images, each.high) for each in self.law]
        below = [(each.num_images, each.low) for each in reversed(self.law)]
        return self._points([*above, *below])

    def _points(self, values: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(number)},{self.y(accuracy)}" for number, accuracy in values)


def curve_figure(curve: LearningCurve) -> CurveFigure:
    """What to draw of a curve.

    The interval of a point is Wilson's, of as many answers as groups of pictures were judged.
    """
    errors = curve.errors
    right = 1 - errors.share
    judged = (errors.judged > 0).sum(axis=1)
    points = tuple(
        CurvePoint(int(size), float(share), wilson(float(share * number), int(number)))
        for size, share, number in zip(errors.sizes, right, judged, strict=True)
    )
    # Rounding must not lead beyond what can be asked for.
    sizes = np.geomspace(errors.sizes[0], curve.reach, _SAMPLES).clip(
        errors.sizes[0] * (1 + 1e-9), curve.reach * (1 - 1e-9)
    )
    law = tuple(curve.expect(float(size) / curve.num_images) for size in sizes)
    ends = [end for each in (*(p.interval for p in points), *law) for end in (each.low, each.high)]
    return CurveFigure(points, law, curve.num_images, scale_for(ends))
