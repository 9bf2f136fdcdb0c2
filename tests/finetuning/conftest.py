"""A tiny network with random weights, and small pictures: a training takes a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from headstart.files import content_digest

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone
    from headstart.backbones.request import Request
    from headstart.finetuning.job import Job

SIDE = 48


@dataclass(frozen=True)
class Small:
    """What the tests tune: 36 pictures of two kinds, in rows for learning, choosing, judging."""

    backbone: Backbone
    request: Request
    paths: list[Path]
    digests: list[bytes]
    y: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    judged: np.ndarray
    cache: Path

    def job(self, **changes: Any) -> Job:
        """For a call of ``work`` in this process."""
        from headstart.finetuning.job import Job
        from headstart.finetuning.recipe import Tuning

        settings = {"train_from": "top2", "epochs": 3, "batch_size": 8, "views": 2}
        tuning = Tuning(**(settings | changes.pop("tuning", {})))
        plain: dict[str, Any] = {
            "task": "tune",
            "backbone": self.backbone.to_json(),
            "request": vars(self.request),
            "paths": [str(path) for path in self.paths],
            "digests": [digest.hex() for digest in self.digests],
            "y": self.y.tolist(),
            "num_classes": 2,
            "train": self.train.tolist(),
            "validation": self.validation.tolist(),
            "judged": self.judged.tolist(),
            "tuning": tuning.to_json(),
            "cache": str(self.cache),
            "threads": 1,
            "seed": 0,
            "graph": False,
            "time_limit": None,
        }
        return Job(**(plain | changes))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Any]) -> Small:
    from headstart.backbones import from_timm, network_graph
    from headstart.backbones.backbone import Backbone, Tap
    from headstart.backbones.request import Request

    folder = tmp_path_factory.mktemp("small")
    request = Request("tiny", "test_efficientnet", "random", "random")
    network = from_timm.create(request.architecture, None, request.seed)
    preprocessing = replace(from_timm.preprocessing_of(network), size=SIDE, resize=SIDE)
    graph = folder / "graph.onnx"
    taps = network_graph.write_graph(network, preprocessing, graph)
    backbone = Backbone(
        name="tiny",
        architecture=request.architecture,
        weights=request.source,
        pretrained=False,
        licence="none",
        preprocessing=preprocessing,
        taps=tuple(Tap(**tap) for tap in taps),
        fingerprint="f" * 64,
        graph=graph,
    )
    paths = []
    for number in range(36):
        paths.append(folder / f"{number}.png")
        draw(("stripes", "blobs")[number % 2], number, 60).save(paths[-1])
    rows = np.arange(36)
    return Small(
        backbone=backbone,
        request=request,
        paths=paths,
        digests=[content_digest(path.read_bytes()) for path in paths],
        y=rows % 2,
        train=rows[:20],
        validation=rows[20:28],
        judged=rows[28:],
        cache=folder / "cache",
    )


class Listener:
    """What a parent would hear; asks for an interruption after so many steps."""

    can_wait = False

    def __init__(self, steps: int | None = None) -> None:
        self.said: list[str] = []
        self.epochs: list[dict[str, Any]] = []
        self.begun: list[str] = []
        self._left = steps

    def say(self, line: str) -> None:
        self.said.append(line)

    def start(self, what: str, total: int) -> None:
        self.begun.append(what)

    def advance(self, count: int = 1) -> None:
        if self._left is not None and self.begun[-1].startswith("epoch"):
            self._left -= 1

    def stop(self) -> None:
        pass

    def epoch(self, record: dict[str, Any]) -> None:
        self.epochs.append(record)

    def reason(self) -> str | None:
        return "interrupted" if self._left is not None and self._left <= 0 else None


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def tuned(small: Small, tmp_path: Path) -> Callable[..., Any]:
    """Do a job in this process: its result, and what was heard."""

    def call(name: str = "job", steps: int | None = None, **changes: Any) -> Any:
        from headstart.finetuning.job import result_of
        from headstart.finetuning.work import work

        folder, listener = tmp_path / name, Listener(steps)
        folder.mkdir(exist_ok=True)
        work(small.job(**changes), folder, listener, listener)
        return result_of(folder), listener

    return call
