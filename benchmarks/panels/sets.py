"""Which datasets: every subfolder of a folder, and two sets that come with Python packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe

sys.path.append(str(Path(__file__).parents[2] / "examples"))

# Of a set without a test part of its own so much judges; always the same pictures.
_TEST_SHARE = 0.5


def datasets_in(places: Sequence[str], work: Path) -> dict[str, Path]:
    """Name and place of each dataset.

    Args:
        places: Folders of datasets, or names of `PACKAGED`.
        work: Where packaged sets are written.
    """
    found: dict[str, Path] = {}
    for place in places:
        if place in PACKAGED:
            found[place] = PACKAGED[place](work)
            continue
        folders = [each for each in sorted(Path(place).iterdir()) if each.is_dir()]
        for folder in folders:
            if folder.name in found:
                sys.exit(f"two datasets are called {folder.name}: {found[folder.name]}, {folder}")
            if not folder.name.startswith("."):
                found[folder.name] = folder
    return found


def parts_of(prepared: Prepared, recipe: Recipe) -> tuple[Rows, Rows]:
    """Rows to draw training pictures from, and rows that judge.

    Test pictures with a copy or a group mate among the training pictures are left out: they are not
    new. So all samples of a set are judged by the same pictures, none of which they contain.
    """
    split = split_of(prepared, replace(recipe, seed=0, test_share=_TEST_SHARE))
    train, test = rows_of(split, "train"), rows_of(split, "test")
    return train, test[~np.isin(prepared.groups[test], prepared.groups[train])]


def pooled(prepared: Prepared) -> Prepared:
    """As if no test part were given: training and judging pictures come from the same place."""
    splits = ("",) * len(prepared.manifest.ids)
    return replace(prepared, manifest=replace(prepared.manifest, splits=splits))


def _elpv(work: Path) -> Path:
    from solar_cells import write_table  # type: ignore[import-not-found]

    return Path(write_table(work / "solar-cells.csv"))


def _digits(work: Path) -> Path:
    """scikit-learn's 1 797 digits, 8×8 pixels, a folder a class."""
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = work / "digits" / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.round(pixels * (255 / 16)).astype(np.uint8)).save(file)
    return work / "digits"


PACKAGED: dict[str, Callable[[Path], Path]] = {"elpv": _elpv, "digits": _digits}
