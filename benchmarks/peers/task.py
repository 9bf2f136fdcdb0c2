"""What a peer is asked to do, and how it answers."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Args:
        files: Pictures.
        warm: How many of them go through before the clock starts.
        weights: State of timm's network, as torch saves it.
        graph: The same network as an ONNX file, pixels uint8 [N, H, W, 3] in.
        folder: A dataset with train and test folders.
        architecture: timm's name of the network.
        epochs: Of training.
    """

    files: list[str]
    warm: int
    weights: str
    graph: str
    folder: str
    architecture: str = "tf_efficientnet_lite0"
    epochs: int = 1


def given() -> Task:
    """The task on standard input."""
    return Task(**json.load(sys.stdin))


class Clock:
    """Seconds from the first picture after the warm ones."""

    def __init__(self, warm: int) -> None:
        self._warm, self._seen = warm, 0
        self._wall = self._cpu = 0.0

    def passed(self, count: int = 1) -> None:
        """So many pictures are done."""
        self._seen += count
        if not self._wall and self._seen >= self._warm:
            self._warm = self._seen
            self._wall, self._cpu = time.perf_counter(), _cpu()

    def report(self, **more: Any) -> None:
        """Print what was measured."""
        pictures = self._seen - self._warm
        answer(
            pictures=pictures,
            ms=1e3 * (time.perf_counter() - self._wall) / pictures,
            cpu_ms=1e3 * (_cpu() - self._cpu) / pictures,
            **more,
        )


def answer(**values: Any) -> None:
    """Print the answer, with the memory it took."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**values, "peak_mb": round(peak)}), flush=True)


def timed(clock: Clock, values: Iterable[Any]) -> Iterable[Any]:
    """The values, each counted when it has been dealt with."""
    for value in values:
        yield value
        clock.passed()


def _cpu() -> float:
    # Also of worker processes, once they have ended.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime
