"""Where the curves of a training stand in a figure: numbers, no markup."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from headstart.finetuning.epoch_metrics import EpochMetrics

_MOST_TICKS = 5
_ROUND = (1, 2, 2.5, 5, 10, 20)
_WIDTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Panel:
    """One quantity by epoch; both axes are 0 to 100, 0 being left and, as SVG has it, at the top.

    Args:
        title: What is drawn.
        train, validation: One line a training, as the points of SVG polylines.
        low, high: Ends of the upright axis.
    """

    title: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    low: float
    high: float

    def y(self, value: float) -> float:
        """Where a value stands."""
        return round(100 * (self.high - value) / (self.high - self.low), 2)

    @property
    def ticks(self) -> list[float]:
        """Values to write at the axis."""
        return [self.low + (self.high - self.low) * place / 4 for place in range(5)]


@dataclass(frozen=True)
class TrainingFigure:
    """Loss and accuracy of all trainings of one rung.

    Args:
        name: Of the rung.
        loss, accuracy: What to draw.
        num_epochs: Right end of the axes; the left one is epoch 1.
        num_trainings: How many lines there are of each kind.
    """

    name: str
    loss: Panel
    accuracy: Panel
    num_epochs: int
    num_trainings: int

    def x(self, epoch: float) -> float:
        """Where an epoch stands."""
        return _x(epoch, self.num_epochs)

    @property
    def ticks(self) -> list[int]:
        """Epochs to write at the axis."""
        width = next(w for w in _WIDTHS if self.num_epochs / w <= _MOST_TICKS or w == _WIDTHS[-1])
        return [1, *range(width + (width == 1), self.num_epochs + 1, width)]


def training_figure(name: str, metrics: Sequence[EpochMetrics]) -> TrainingFigure | None:
    """What to draw of a rung's epochs; None where no training had two.

    Args:
        name: Of the rung.
        metrics: Of all its trainings, one after the other.
    """
    trainings = [run for run in _apart(metrics) if len(run) > 1]
    if not trainings:
        return None
    last = max(run[-1].epoch for run in trainings)
    return TrainingFigure(
        name,
        _panel("loss", trainings, "train_loss", "validation_loss", last),
        _panel("accuracy (%)", trainings, "train_accuracy", "validation_accuracy", last, 100, 100),
        last,
        len(trainings),
    )


def _apart(metrics: Sequence[EpochMetrics]) -> list[list[EpochMetrics]]:
    """The trainings: each counts its epochs from 1."""
    begins = [place for place, each in enumerate(metrics) if each.epoch == 1]
    return [list(metrics[begin:end]) for begin, end in pairwise([*begins, len(metrics)])]


def _panel(
    title: str,
    trainings: list[list[EpochMetrics]],
    train: str,
    validation: str,
    last: int,
    unit: float = 1,
    most: float = math.inf,
) -> Panel:
    def line(run: list[EpochMetrics], name: str) -> list[tuple[int, float]]:
        values = [(each.epoch, getattr(each, name)) for each in run]
        return [(epoch, unit * value) for epoch, value in values if value is not None]

    lines = {name: [line(run, name) for run in trainings] for name in (train, validation)}
    seen = [value for kind in lines.values() for each in kind for _, value in each]
    low, high = _ends(min(seen), max(seen), most)
    bare = Panel(title, (), (), low, high)
    drawn = [
        tuple(
            " ".join(f"{_x(epoch, last)},{bare.y(value)}" for epoch, value in each)
            for each in lines[name]
            if each
        )
        for name in (train, validation)
    ]
    return Panel(title, drawn[0], drawn[1], low, high)


def _x(epoch: float, last: int) -> float:
    return round(100 * (epoch - 1) / (last - 1), 2)


def _ends(lowest: float, highest: float, most: float) -> tuple[float, float]:
    """Round ends, with four equal parts between them, of an axis that holds both."""
    quarter = max((highest - lowest) / 4, 1e-6)
    power = 10.0 ** math.floor(math.log10(quarter))
    for step in (digit * power for digit in _ROUND):
        low = step * math.floor(lowest / step)
        if low + 4 * step >= highest:
            break
    low = min(low, most - 4 * step)
    return round(low, 9), round(low + 4 * step, 9)
