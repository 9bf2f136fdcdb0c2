"""The same through a process of its own: killed, interrupted, continued."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.errors import NotEnoughData, SettingError
from headstart.finetuning import job, process
from headstart.finetuning.recipe import Tuning


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    started: list[Any] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            started.append(self)

    monkeypatch.setattr(process.subprocess, "Popen", Noted)
    return started


def _tune(small: Any, folder: Path, on_epoch: Any = None, **changes: Any) -> job.Tuned:
    tuning = Tuning("top2", epochs=4, batch_size=8, views=2, alpha=1.0)
    given = {
        "train": small.train,
        "validation": small.validation,
        "judged": small.judged,
        "tuning": tuning,
        "cache": small.cache,
        "folder": folder,
        "threads": 1,
        "on_epoch": on_epoch,
    }
    return job.tune(
        small.backbone, small.request, small.paths, small.digests, small.y, 2, **(given | changes)
    )


@pytest.mark.slow
def test_killed_interrupted_and_continued_it_ends_as_if_nothing_had_happened(
    small: Any, tuned: Any, listener: Any, tmp_path: Path, children: list[Any]
) -> None:
    def kill(record: dict[str, Any]) -> None:
        children[0].kill()

    def interrupt(record: dict[str, Any]) -> None:
        if len(children) == 2 and record["epoch"] == 2:
            raise KeyboardInterrupt

    from headstart.finetuning.work import work

    folder = tmp_path / "job"
    with pytest.raises(RuntimeError, match=f"exit code {-signal.SIGKILL}"):
        _tune(small, folder, kill)
    first = _tune(small, folder, interrupt)
    assert first.stopped == "interrupted"
    assert first.scores.shape == (len(small.judged), 2)
    work(small.job(tuning={"epochs": 4, "alpha": 1.0}), folder, listener, listener)
    last = _tune(small, folder)
    assert len(children) == 2
    assert (last.stopped, last.epochs) == (None, 4)
    whole, _ = tuned("whole", tuning={"epochs": 4, "alpha": 1.0})
    np.testing.assert_array_equal(last.scores, whole.scores)
    with pytest.raises(SettingError, match="other settings or pictures"):
        _tune(small, folder, seed=1)


def test_a_class_without_a_picture_to_learn_from(small: Any, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="1 of them without a picture"):
        _tune(small, tmp_path, train=small.train[small.y[small.train] == 0])


@pytest.mark.slow
def test_an_error_of_the_child_is_the_callers(small: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="has 5 stages") as caught:
        _tune(small, tmp_path, tuning=Tuning("top6"))
    assert caught.value.fix


def test_asking_needs_no_torch() -> None:
    code = "import headstart.finetuning.job, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_job_is_known_by_what_decides_its_result(small: Any) -> None:
    asked = small.job()
    y, judged = list(asked.y), asked.judged[0]
    y[judged] = 1 - y[judged]
    moved = {**asked.request, "weights": "elsewhere.pth"}
    for same in ({"y": y}, {"paths": ["else"] * len(y)}, {"request": moved}, {"time_limit": 9.0}):
        assert replace(asked, **same).identity() == asked.identity()
    y[asked.train[0]] = 1 - y[asked.train[0]]
    other = {**asked.request, "seed": 1}
    together = {"groups": [0] * len(y)}
    for changed in ({"y": y}, {"request": other}, {"seed": 1}, {"graph": True}, together):
        assert replace(asked, **changed).identity() != asked.identity()
