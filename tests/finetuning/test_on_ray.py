"""Two processes train together, one dies: the weights are those of one process alone."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.finetuning import job
from headstart.finetuning.recipe import Tuning
from headstart.finetuning.team import Alone, part_of


class Third(Alone):
    rank, size = 2, 3


def test_a_batch_is_shared_without_a_rest() -> None:
    assert part_of(Alone(), 7) == (slice(0, 7), 1.0)
    assert part_of(Third(), 7) == (slice(4, 7), 1.0)
    assert part_of(Third(), 2) == (slice(0, 2), 1 / 3)


@pytest.mark.slow
def test_a_death_is_survived_and_the_weights_are_those_of_one(
    small: Any, tuned: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    settings: dict[str, Any] = {
        "epochs": 4,
        "mixup": 0.2,
        "class_weights": "balanced",
        "alpha": 1.0,
    }
    killed: list[int] = []
    epochs: list[int] = []

    def kill(record: dict[str, Any]) -> None:
        epochs.append(record["epoch"])
        if record["epoch"] == 2 and not killed:
            killed.append(max(_training_processes()))
            os.kill(killed[0], signal.SIGKILL)

    found = job.tune(
        small.backbone, small.request, small.paths, small.digests, small.y, 2,
        train=small.train, validation=small.validation, judged=small.judged,
        tuning=Tuning("top2", batch_size=8, views=2, **settings), cache=small.cache,
        folder=tmp_path / "together", threads=1, workers=2, on_epoch=kill,
    )  # fmt: skip
    assert killed
    assert (found.stopped, found.epochs) == (None, 4)
    assert sorted(set(epochs)) == [1, 2, 3, 4] and len(epochs) > 4
    alone, _ = tuned("alone", tuning=settings)
    np.testing.assert_allclose(found.scores, alone.scores, rtol=1e-3, atol=1e-4)
    for one, other in zip(found.history, alone.history, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-4)


def _training_processes() -> list[int]:
    """Of Ray, begun by this process."""
    parents, names = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            names[int(place.name)] = (place / "cmdline").read_text()
            parents[int(place.name)] = int(
                (place / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue

    def is_ours(number: int) -> bool:
        return number == os.getpid() or (number in parents and is_ours(parents[number]))

    return [n for n, name in names.items() if "TrainWorker" in name and is_ours(n)]
