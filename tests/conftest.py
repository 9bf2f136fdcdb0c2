"""Pictures and folders that several tests use. Every picture is drawn here; none is shipped."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

DATA = Path(os.environ.get("HEADSTART_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real picture sets; tests that want it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("no real picture sets here (HEADSTART_TEST_DATA)")
    return DATA


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the whole test run, shared by its workers as real processes share one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "headstart-cache"
    before = os.environ.get("HEADSTART_CACHE")
    os.environ["HEADSTART_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["HEADSTART_CACHE"]
    else:
        os.environ["HEADSTART_CACHE"] = before


@pytest.fixture(scope="session", autouse=True)
def similarity_is_not_measured() -> Iterator[None]:
    """It takes as long as all the rest of a small fit; tests that are about it ask for it."""
    from headstart.workflows import placing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "measure", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_network_alone() -> Iterator[None]:
    """A second one beside it doubles the time; tests that are about it ask for it."""
    from headstart.workflows import widening

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widening, "at_hand", lambda: ())
        yield


@pytest.fixture
def second_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of tests."""
    from headstart.backbones.catalog import at_hand
    from headstart.workflows import widening

    monkeypatch.setattr(widening, "at_hand", at_hand)


@pytest.fixture
def similarity_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of tests."""
    from headstart.strategy.similarity import measure
    from headstart.workflows import placing

    monkeypatch.setattr(placing, "measure", measure)


def draw(kind: str, number: int, side: int = 96) -> Image.Image:
    """A picture of stripes or of blobs, each one different; easy to tell apart, not to mix up."""
    random = np.random.default_rng([number, sum(kind.encode())])
    grid = np.mgrid[:side, :side] / side
    if kind == "stripes":
        angle, waves = random.uniform(0, np.pi), random.uniform(4, 9)
        along = np.cos(angle) * grid[0] + np.sin(angle) * grid[1]
        light = 0.5 + 0.5 * np.sin(2 * np.pi * waves * along)
    else:
        light = np.zeros((side, side))
        for _ in range(5):
            y, x, width = random.uniform(0.15, 0.85, 2).tolist() + [random.uniform(0.04, 0.12)]
            light += np.exp(-((grid[0] - y) ** 2 + (grid[1] - x) ** 2) / width**2)
    colour = random.uniform(0.3, 1.0, 3)
    noise = random.normal(0, 0.03, (side, side, 3))
    pixels = np.clip(light[:, :, None] * colour + noise, 0, 1)
    return Image.fromarray((255 * pixels).astype(np.uint8))


def draw_folder(folder: Path, start: int = 0, **counts: int) -> Path:
    """A folder per kind with so many pictures, numbered from ``start``."""
    for kind, count in counts.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(start, start + count):
            draw(kind, number).save(folder / kind / f"{kind}_{number:02}.png")
    return folder


@pytest.fixture(name="draw", scope="session")
def draw_as_fixture() -> Callable[..., Image.Image]:
    return draw


@pytest.fixture(name="draw_folder", scope="session")
def draw_folder_as_fixture() -> Callable[..., Path]:
    return draw_folder


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per class: 24 pictures of stripes, 20 of blobs. Tests must not change it."""
    return draw_folder(tmp_path_factory.mktemp("pictures") / "shapes", stripes=24, blobs=20)


@pytest.fixture(scope="session")
def backbone(cache: Path) -> Backbone:
    """The default backbone; its graph, which costs seconds, is built by one worker for all."""
    from headstart.backbones.loading import load_backbone

    cache.mkdir(exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return load_backbone(cache=cache)


@pytest.fixture(scope="session")
def tiny(cache: Path) -> Backbone:
    """A network of a hundredth of the work, with random weights: enough for stripes and blobs."""
    from headstart.backbones import building, loading

    cache.mkdir(exist_ok=True)
    with (cache / "lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setattr(loading, "build_in_child", building.build)
        return loading.load_backbone("test_efficientnet", "random", cache=cache)


@pytest.fixture
def built_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are built in this process: another would need seconds to import torch."""
    from headstart.backbones import building, loading

    monkeypatch.setattr(loading, "build_in_child", building.build)


@pytest.fixture(scope="session")
def bundle(shapes: Path, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the shapes. Tests must not change it; copy it first."""
    from headstart.workflows.fit import run_fit
    from headstart.workflows.recipe import Recipe

    out = tmp_path_factory.mktemp("bundles") / "shapes.headstart"
    return run_fit(shapes, out, Recipe(heads=("ridge", "neighbors"))).bundle


@pytest.fixture
def own_cache(tmp_path: Path, cache: Path, backbone: Backbone) -> Path:
    """A cache without features; the graphs are the shared ones."""
    folder = tmp_path / "own-cache"
    folder.mkdir()
    (folder / "graphs").symlink_to(cache / "graphs")
    return folder


@dataclass(frozen=True)
class Ran:
    """What one call of the program gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value; whatever else stands there is an error."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one error on standard error: its three lines."""
        what, expected, fix = self.err.splitlines()[-3:]
        assert what.startswith("error: "), self.err
        assert expected.startswith("expected: "), self.err
        assert fix.startswith("fix: "), self.err
        assert "Traceback" not in self.err
        return what.removeprefix("error: ")


@pytest.fixture
def headstart(cache: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """The program, called in this process; `fit` compares two heads unless it is told what."""
    from headstart.cli.main import run

    def call(*arguments: object) -> Ran:
        capfd.readouterr()
        if arguments[:1] == ("fit",) and not {"--head", "--recipe"} & {*arguments}:
            arguments = (*arguments, "--head", "ridge", "--head", "neighbors")
        with pytest.raises(SystemExit) as end:
            run([str(argument) for argument in arguments])
        return Ran(int(end.value.code or 0), *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def program(cache: Path) -> Callable[..., Ran]:
    """The program in a process of its own; `fit` tries no second network unless it is told to."""

    def call(*arguments: object, **more: Any) -> Ran:
        if arguments[:1] == ("fit",) and not {"--backbone", "--recipe"} & {*arguments}:
            arguments = (*arguments, "--backbone", "efficientnet_lite0")
        command = [sys.executable, "-P", "-m", "headstart", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False, **more)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call
