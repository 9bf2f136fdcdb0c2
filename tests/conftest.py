"""Pictures and folders that several tests use. Every picture is drawn here; none is shipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per class: 24 pictures of stripes, 20 of blobs. Tests must not change it."""
    folder = tmp_path_factory.mktemp("pictures") / "shapes"
    for kind, number in (("stripes", 24), ("blobs", 20)):
        (folder / kind).mkdir(parents=True)
        for index in range(number):
            draw(kind, index).save(folder / kind / f"{kind}_{index:02}.png")
    return folder


@pytest.fixture(scope="session")
def bundle(shapes: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the shapes. Tests must not change it; copy it first."""
    from headstart.workflows.fit import run_fit
    from headstart.workflows.recipe import Recipe

    out = tmp_path_factory.mktemp("bundles") / "shapes.headstart"
    return run_fit(shapes, out, Recipe(heads=("ridge", "neighbors"))).bundle
