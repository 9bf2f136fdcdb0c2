"""The user's pictures are divided into those that judge an export and those that calibrate it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headstart.workflows.export_accuracy import Lot, lot_of
from headstart.workflows.recipe import Recipe

CLASSES = ("blobs", "stripes")


@pytest.fixture
def fresh(draw_folder: Callable[..., Path], tmp_path: Path) -> Path:
    """Pictures that the classifier has not learned from."""
    return draw_folder(tmp_path / "fresh", 300, stripes=3, blobs=3)


def lot(bundle: Path, pictures: Path, recipe: Recipe, *, calibrates: bool = False) -> Lot:
    return lot_of(bundle, CLASSES, pictures, recipe, calibrates=calibrates)


def test_files_that_cannot_be_read_connect_no_groups(bundle: Path, fresh: Path) -> None:
    for number in (300, 301):
        (fresh / "blobs" / f"{number}.png").touch()
    found = lot(bundle, fresh, Recipe(group_pattern=r"(30\d)"))
    names = [path.stem.split("_")[1] for path in found.held]
    assert [row.path for row in found.unusable] == ["blobs/300.png", "blobs/301.png"]
    assert names == ["300", "301", "302"] * 2
    assert np.array_equal(found.groups, [0, 1, 2] * 2)


@pytest.mark.parametrize(("number", "calibrating"), [(1, 0), (2, 1), (6, 2)])
def test_few_new_pictures_calibrate_and_judge(
    number: int, calibrating: int, bundle: Path, fresh: Path
) -> None:
    for path in sorted(fresh.rglob("*.png"))[number:]:
        path.unlink()
    found = lot(bundle, fresh, Recipe(), calibrates=True)
    assert len(found.calibrating) == calibrating
    assert len({*found.held, *found.calibrating}) == number
    assert len(lot(bundle, fresh, Recipe()).held) == number
