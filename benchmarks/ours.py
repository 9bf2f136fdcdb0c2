"""What Headstart does in one process, timed from inside.

    python benchmarks/ours.py extract|bf16|decode|forward|warm

The task comes on standard input and the answer goes to standard output, as with the peers.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

from peers.task import Clock, Task, given, timed

from headstart.backbones.backbone import Backbone
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.features.extraction import extract
from headstart.features.store import FeatureStore
from headstart.images.decode import decode, read_bytes
from headstart.model.classifier import load


class Ticking:
    """Progress that drives the clock: it stops when the last shard is written."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def say(self, line: str) -> None: ...
    def start(self, what: str, total: int) -> None: ...

    def advance(self, count: int = 1) -> None:
        self._clock.passed(count)

    def stop(self) -> None:
        self._clock.report()


def extracting(task: Task, backbone: Backbone) -> None:
    """Files to features in a new store."""
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder), backbone)
        progress = Ticking(Clock(task.warm))
        extract(map(Path, task.files), task.files, backbone, store, progress=progress)


def decoding(task: Task, backbone: Backbone) -> None:
    """Bytes to the network's input, on one core."""
    clock, preprocessing = Clock(task.warm), backbone.preprocessing
    for file in timed(clock, task.files):
        picture = decode(read_bytes(Path(file)), at_least=preprocessing.at_least)
        preprocessing.pixels(picture)
    clock.report()


def forwarding(task: Task, backbone: Backbone) -> None:
    """The network alone, on one core."""
    preprocessing, some = backbone.preprocessing, task.files[:8]
    pixels = [preprocessing.pixels(decode(read_bytes(Path(file)))) for file in some]
    engine, clock = Engine(backbone.graph, backbone.tap_names, threads=1), Clock(task.warm)
    for number, _ in enumerate(timed(clock, task.files * (1 + 100 // len(task.files)))):
        engine.run(pixels[number % len(pixels)])
    clock.report()


def warm(task: Task) -> None:
    """One picture again and again through a loaded classifier."""
    classifier, clock = load(task.folder), Clock(task.warm)
    for file in timed(clock, task.files):
        classifier.predict(file)
    clock.report()


def main() -> None:
    """Do what the first argument names."""
    task, mode = given(), sys.argv[1]
    if mode == "warm":
        return warm(task)
    backbone = load_backbone()
    if mode == "bf16":
        return extracting(task, dataclasses.replace(backbone, precision="bf16"))
    {"extract": extracting, "decode": decoding, "forward": forwarding}[mode](task, backbone)
    return None


if __name__ == "__main__":
    main()
