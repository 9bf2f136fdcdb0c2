from typing import Any

import pytest

from headstart.finetuning.epoch_metrics import EpochMetrics
from headstart.reports.training_figure import training_figure


def epoch(number: int, loss: float, **changes: Any) -> EpochMetrics:
    plain: dict[str, Any] = {
        "rung": "top1", "fold": 0, "epoch": number, "epochs": 3, "step": number, "train_loss": loss,
        "train_accuracy": 0.9, "learning_rate": 1e-3, "seconds": 1.0, "seconds_left": 1.0,
        "validation_loss": loss + 0.1, "validation_accuracy": 1.0,
    }  # fmt: skip
    return EpochMetrics(**(plain | changes))


def test_every_training_has_its_lines() -> None:
    runs = [epoch(1, 0.6), epoch(2, 0.4), epoch(3, 0.2), epoch(1, 0.5), epoch(2, 0.3)]
    found = training_figure("last block", runs)
    assert found is not None
    assert (found.num_epochs, found.num_trainings, found.ticks) == (3, 2, [1, 2, 3])
    loss, accuracy = found.loss, found.accuracy
    assert (loss.low, loss.high) == (0.2, 1.0)
    assert loss.train == ("0.0,50.0 50.0,75.0 100.0,100.0", "0.0,62.5 50.0,87.5")
    assert loss.validation[1] == "0.0,50.0 50.0,75.0"
    assert (accuracy.low, accuracy.high) == (90, 100)
    assert accuracy.validation[0].split()[0] == "0.0,0.0"


def test_without_validation_there_is_one_kind_of_line() -> None:
    bare = {"validation_loss": None, "validation_accuracy": None}
    found = training_figure("whole network", [epoch(1, 0.6, **bare), epoch(2, 0.6, **bare)])
    assert found is not None
    assert found.loss.validation == ()
    assert found.loss.low <= 0.6 <= found.loss.high


def test_a_single_epoch_is_no_curve() -> None:
    assert training_figure("last block", [epoch(1, 0.6)]) is None


@pytest.mark.parametrize(
    ("epochs", "ticks"), [(2, [1, 2]), (12, [1, 5, 10]), (60, [1, 20, 40, 60])]
)
def test_a_few_epochs_are_written_at_the_axis(epochs: int, ticks: list[int]) -> None:
    found = training_figure("all", [epoch(1 + n, 0.5) for n in range(epochs)])
    assert found is not None
    assert found.ticks == ticks
