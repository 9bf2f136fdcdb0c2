"""Where a dataset lies on the size-similarity matrix, and what follows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.datasets.reading import place_of
from headstart.errors import SettingError
from headstart.progress import Progress, Silent
from headstart.reports.matrix_figure import matrix_svg
from headstart.strategy.matrix import ADVICE, Matrix
from headstart.workflows.dividing import rows_of, split_of
from headstart.workflows.placing import figure_of, place
from headstart.workflows.preparing import Prepared, prepare
from headstart.workflows.recipe import Recipe, recipe_of

_BEGINS = b'<svg xmlns="http://www.w3.org/2000/svg" class="matrix"'


@dataclass(frozen=True, eq=False)
class Placed:
    """A dataset and its place.

    Args:
        matrix: Of the training part.
        prepared: The dataset as it was read.
    """

    matrix: Matrix
    prepared: Prepared

    def to_json(self) -> dict[str, Any]:
        """What ``headstart matrix --json`` prints."""
        return {
            "understood": self.prepared.manifest.summary(),
            **self.matrix.to_json(),
            "unusable": [vars(row) for row in self.prepared.unusable],
        }

    def svg(self) -> str:
        """The picture, as a file of its own."""
        name = self.prepared.manifest.name.rstrip("/")
        evidence = ADVICE[self.matrix.evidence[0]]
        return matrix_svg(figure_of(name, self.matrix, evidence), alone=True)


def matrix(
    pictures: str | os.PathLike[str], *, progress: Progress | None = None, **settings: Any
) -> Matrix:
    """Measure where pictures lie on the size-similarity matrix.

    Nothing is trained but ridge regressions, and only the training part is looked at: the same
    split is kept that `fit` would draw. The features are kept, so that a later `fit` reuses them.

    Args:
        pictures: As for `fit`.
        progress: Told what happens.
        **settings: Fields of `Recipe`.

    Raises:
        DatasetError: The pictures cannot be understood as a dataset.
    """
    return run_matrix(pictures, recipe_of(settings), progress).matrix


def run_matrix(
    pictures: str | os.PathLike[str], recipe: Recipe, progress: Progress | None = None
) -> Placed:
    """`matrix`, with the dataset as it was read."""
    progress = progress or Silent()
    prepared = prepare(pictures, recipe, progress)
    rows = rows_of(split_of(prepared, recipe), "train")
    return Placed(place(prepared, rows, recipe, progress), prepared)


def drawing_place(pictures: str | os.PathLike[str], out: Path) -> Path:
    """Where the matrix may be drawn.

    Args:
        pictures: The dataset.
        out: As it was asked for.

    Raises:
        SettingError: It is no SVG file's name, among the pictures, or taken by something else.
    """
    place, source = out.expanduser().resolve(), place_of(pictures).resolve()
    if place.suffix.lower() != ".svg":
        raise SettingError(
            f"the matrix would be drawn to {out}", "a name that ends in .svg", "--out matrix.svg"
        )
    if source.is_dir() and place.is_relative_to(source):
        raise SettingError(
            f"the matrix would be drawn to {place}, among the pictures",
            "a place outside the pictures' folder",
            f"--out {source.parent / 'matrix.svg'}",
        )
    if (place.exists() or place.is_symlink()) and not _is_drawing(place):
        raise SettingError(
            f"{place} is there already, and is not a drawn matrix",
            "a new place, or an older drawing to be replaced",
            "choose another place with --out FILE.svg",
        )
    return place


def _is_drawing(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINS)) == _BEGINS
    except OSError:
        return False
