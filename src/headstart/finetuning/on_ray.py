"""The doorkeeper of Ray Train: one training by several processes, on this machine or a cluster.

Ray starts the processes, connects them and, when one dies, starts all of them again: they go on
from the last checkpoint. What they do is `work`, as a process alone does it. The job's folder, the
cache and the pictures must lie where every machine sees them.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart import errors
from headstart.backbones.engine import num_cores
from headstart.errors import HeadstartError
from headstart.extras import require
from headstart.finetuning.job import JOB, Job
from headstart.progress import Silent

# A process that dies is no fault of the training; one that always dies is.
_MAX_FAILURES = 5
_STOP = "stop"
_SECONDS_OF_A_LOOK = 0.2
# The first process may fill the cache for hours while the others wait.
_SECONDS_OF_WAITING = 7 * 86_400


def run(job: Job, folder: Path, told: Any, interruption: Any) -> None:
    """Do the job with ``job.workers`` processes of ``job.threads`` cores each.

    Args:
        job: What is asked.
        folder: The job's own.
        told: Hears how it goes.
        interruption: Looked at now and then.

    Raises:
        MissingExtra: Ray Train is not installed.
        HeadstartError: What a process raised.
        RuntimeError: Processes died too often.
    """
    interruption.can_wait = True
    (folder / _STOP).unlink(missing_ok=True)
    with _connected(job):
        queue = require("ray.util.queue", "cluster").Queue(actor_options={"num_cpus": 0})
        failures: list[BaseException] = []
        training = threading.Thread(
            target=_fit, args=(job, folder, queue, failures), name="ray-train", daemon=True
        )
        training.start()
        while training.is_alive() or not queue.empty():
            _pass_on(queue, told)
            if interruption.reason():
                (folder / _STOP).touch()
    if failures:
        raise RuntimeError(f"training on Ray failed: {failures[0]}") from failures[0]


def _fit(job: Job, folder: Path, queue: Any, failures: list[BaseException]) -> None:
    """Blocks until the training has ended; not in the main thread, whose signals Ray would take."""
    train, of_torch = (require(f"ray.train{name}", "cluster") for name in ("", ".torch"))
    trainer = of_torch.TorchTrainer(
        _work,
        train_loop_config={"folder": os.fspath(folder), "queue": queue},
        torch_config=of_torch.TorchConfig("gloo", timeout_s=_SECONDS_OF_WAITING),
        scaling_config=train.ScalingConfig(
            num_workers=job.workers, resources_per_worker={"CPU": job.threads}
        ),
        run_config=train.RunConfig(
            storage_path=os.fspath(folder / "ray"),
            failure_config=train.FailureConfig(max_failures=_MAX_FAILURES),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        failures.append(error)


def _work(given: dict[str, Any]) -> None:
    """What each process does."""
    from headstart.finetuning.team import Together
    from headstart.finetuning.work import work

    folder, team = Path(given["folder"]), Together()
    told = _Told(given["queue"]) if team.rank == 0 else _Deaf()
    try:
        job = Job(**json.loads((folder / JOB).read_bytes()))
        work(job, folder, told, _Interruption(folder / _STOP), team)
    except HeadstartError as error:
        given["queue"].put(["error", type(error).__name__, error.what, error.expected, error.fix])
        raise


def _pass_on(queue: Any, told: Any) -> None:
    """One thing that was told, if there is one."""
    empty = require("ray.util.queue", "cluster").Empty
    with contextlib.suppress(empty):
        what, *values = queue.get(timeout=_SECONDS_OF_A_LOOK)
        if what == "error":
            kind, *parts = values
            raise getattr(errors, kind, HeadstartError)(*parts)
        getattr(told, what)(*values)


class _Told:
    """Progress, put into a queue."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def say(self, line: str) -> None:
        self._queue.put(["say", line])

    def start(self, what: str, total: int) -> None:
        self._queue.put(["start", what, total])

    def advance(self, count: int = 1) -> None:
        self._queue.put(["advance", count])

    def stop(self) -> None:
        self._queue.put(["stop"])

    def epoch(self, record: dict[str, Any]) -> None:
        self._queue.put(["epoch", record])


class _Deaf(Silent):
    def epoch(self, record: dict[str, Any]) -> None:
        """Nothing."""


class _Interruption:
    """Asked for by a file, which every machine sees."""

    can_wait = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def reason(self) -> str | None:
        return "interrupted" if self._path.exists() else None


@contextlib.contextmanager
def _connected(job: Job) -> Iterator[None]:
    """Ray at ``RAY_ADDRESS``; without it, on this machine for as long as this takes."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS", "local")
    here: dict[str, Any] = {}
    if address == "local":
        # Whoever reaches a Ray without a token may run code on it.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        cores = max(num_cores(), job.workers * job.threads)
        here = {"include_dashboard": False, "num_cpus": cores}
    ray = require("ray", "cluster")
    require("ray.train.torch", "cluster")
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    try:
        yield
    finally:
        ray.shutdown()
