"""What is measured after every epoch, and told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch of one training.

    Args:
        rung: What learnt, as `Tuning.train_from` says it.
        fold: Which fold of the training pictures was held out to judge the rung; None: none, this
            is the training of what was chosen.
        epoch: From 1.
        epochs: Planned; time may become short.
        step: Steps done since the start.
        train_loss: Mean over the epoch's steps, as the pictures were augmented.
        train_accuracy: Likewise, from 0 to 1.
        learning_rate: The largest, at the epoch's end.
        seconds: Spent on steps since the start.
        seconds_left: That the other epochs will take if they are like this one.
        validation_loss: Of pictures that do not teach but choose, under the temperature that suits
            the scores; None where there are none.
        validation_accuracy: Likewise, from 0 to 1.
    """

    rung: str
    fold: int | None
    epoch: int
    epochs: int
    step: int
    train_loss: float
    train_accuracy: float
    learning_rate: float
    seconds: float
    seconds_left: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """A line of ``metrics.jsonl``."""
        return asdict(self)

    @property
    def words(self) -> str:
        """The line on the console."""
        parts = [f"epoch {self.epoch}/{self.epochs}: training loss {self.train_loss:.3f}"]
        if self.validation_loss is not None and self.validation_accuracy is not None:
            parts.append(f"validation loss {self.validation_loss:.3f}")
            parts.append(f"accuracy {100 * self.validation_accuracy:.1f} %")
        if self.epoch < self.epochs:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)


OnEpochMetrics = Callable[[EpochMetrics], None]


def duration(seconds: float) -> str:
    """A time in words: ``"45 s"``, ``"12 min"``, ``"3.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
