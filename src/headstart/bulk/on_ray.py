"""The doorkeeper of Ray: shards on the machines of a cluster.

Ray chooses the machine for a shard, does it again where one was lost, and grows the cluster. It
carries numbers of shards there and counts back; pictures never pass through it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from headstart.bulk.shards import Job, Part, work
from headstart.errors import StoreError
from headstart.extras import require
from headstart.progress import Progress

# Enough waiting shards for a cluster to grow to so many cores; few enough to be looked through.
_UNDER_WAY = 1000
# A machine that is lost is no fault of the shard; one that kills every process it meets is.
_MAX_RETRIES = 5


def run(job: Job, numbers: Iterable[int], progress: Progress) -> Iterator[Part]:
    """Each shard's part, as it is done, on the cluster at ``RAY_ADDRESS``; else on this machine.

    Args:
        job: Whose shards; a shard gets ``threads`` cores, one by default.
        numbers: Which of them.
        progress: Advanced shard by shard.

    Raises:
        MissingExtra: Ray is not installed.
        StoreError: Shards were lost more often than is plausible.
    """
    job = replace(job, threads=job.threads or 1)
    with _connected() as ray:
        remote = ray.remote(num_cpus=job.threads, max_retries=_MAX_RETRIES)(work)
        waiting = iter(numbers)
        running = [remote.remote(job, number) for number in itertools.islice(waiting, _UNDER_WAY)]
        while running:
            done, running = ray.wait(running)
            running += [remote.remote(job, number) for number in itertools.islice(waiting, 1)]
            part = _result(ray, done[0])
            progress.advance(part.counts.rows)
            yield part


def _result(ray: Any, reference: Any) -> Part:
    try:
        part: Part = ray.get(reference)
        return part
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise StoreError(
            f"a shard could not be done on the cluster: {str(error).strip().splitlines()[0]}",
            f"one that is done when it was begun {_MAX_RETRIES + 1} times",
            "look into Ray's logs, then run the same command again: what is done is kept",
        ) from error


@contextlib.contextmanager
def _connected() -> Iterator[Any]:
    """Ray, connected; disconnected at the end if it was done here."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS", "local")
    if address == "local":
        # Whoever reaches a Ray without a token may run code on it.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray = require("ray", "cluster")
    if ray.is_initialized():
        yield ray
        return
    dashboard = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **dashboard)
    try:
        yield ray
    finally:
        ray.shutdown()
