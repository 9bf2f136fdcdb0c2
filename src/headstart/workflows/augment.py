"""A sheet of pictures as fine-tuning would see them, to look at before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones.catalog import DEFAULT
from headstart.backbones.loading import load_backbone
from headstart.datasets.reading import place_of
from headstart.errors import SettingError, UnusableImage
from headstart.finetuning.settings import Augmentation
from headstart.images.decode import read
from headstart.images.preprocessing import Preprocessing
from headstart.progress import Progress, Silent
from headstart.randomness import generator
from headstart.unusable import Unusable, nothing_usable
from headstart.workflows.predict import expand, must_be_there

if TYPE_CHECKING:
    from headstart.finetuning.sheet import Tile

VIEWS = 7


@dataclass(frozen=True)
class Sheet:
    """What was put on a sheet.

    Args:
        path: Of the PNG file.
        augmentation: The settings as used.
        pictures: Path of each picture, and what was drawn for each of its views.
        unusable: Pictures that were drawn but could not be read.
    """

    path: Path
    augmentation: Augmentation
    pictures: tuple[tuple[str, tuple[str, ...]], ...]
    unusable: tuple[Unusable, ...]

    def to_json(self) -> dict[str, Any]:
        """What ``headstart augment --json`` prints."""
        return {
            "sheet": str(self.path),
            "augmentation": self.augmentation.to_json(),
            "pictures": [{"path": path, "drawn": list(drawn)} for path, drawn in self.pictures],
            "unusable": [vars(row) for row in self.unusable],
        }


def run_augment(
    pictures: str | os.PathLike[str],
    out: Path,
    augmentation: Augmentation,
    *,
    backbone: str = DEFAULT,
    weights: str | Path | None = None,
    cache: Path | None = None,
    num_pictures: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> Sheet:
    """Draw a few pictures, and write each beside random views of it.

    Args:
        pictures: A folder (searched through), a file, or a pattern.
        out: The PNG file; never inside the folder of pictures.
        augmentation: What may be drawn.
        backbone: Whose size and interpolation.
        weights: As for `fit`.
        cache: As for `fit`.
        num_pictures: Rows of the sheet, at most.
        seed: Same seed, same sheet.
        progress: Told when the backbone is prepared.

    Raises:
        DatasetError: There are no such pictures.
        SettingError: The sheet's place is taken, or among the pictures.
        NotEnoughData: No picture can be read.
        StoreError: The sheet cannot be written.
    """
    from headstart.finetuning.sheet import must_be_free, write_sheet

    source = place_of(pictures)
    must_be_there(source)
    found = list(expand([source]))
    place = _place(source, out)
    must_be_free(place)
    preprocessing = load_backbone(
        backbone, weights, cache=cache, seed=seed, progress=progress or Silent()
    ).preprocessing
    unusable: list[Unusable] = []
    rows: list[tuple[str, list[Tile]]] = []
    for path, tiles in _rows(found, preprocessing, augmentation, seed, unusable):
        rows.append((path, tiles))
        if len(rows) == num_pictures:
            break
    if not rows:
        raise nothing_usable(pictures, unusable)
    write_sheet(place, [tiles for _, tiles in rows])
    drawn = tuple((path, tuple(tile.caption for tile in tiles[1:])) for path, tiles in rows)
    return Sheet(place, augmentation, drawn, tuple(unusable))


def _rows(
    paths: Sequence[str],
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    seed: int,
    unusable: list[Unusable],
) -> Iterator[tuple[str, list[Tile]]]:
    """Readable pictures in random order, each with its tiles; the others join ``unusable``."""
    from headstart.finetuning.augmentation import describe, draw, random_of, render
    from headstart.finetuning.sheet import Tile

    for index in generator(seed, "sheet").permutation(len(paths)):
        path = Path(paths[index])
        try:
            _, picture = read(path, at_least=preprocessing.at_least)
        except UnusableImage as failure:
            unusable.append(Unusable(str(path), failure.reason, failure.detail))
            continue
        views = [draw(augmentation, random_of(seed, int(index), view)) for view in range(VIEWS)]
        yield (
            str(path),
            [
                Tile(preprocessing.pixels(picture), f"{path.parent.name}/{path.name}"),
                *(
                    Tile(render(picture, preprocessing, view), describe(view) or "unchanged")
                    for view in views
                ),
            ],
        )


def _place(pictures: Path, out: Path) -> Path:
    place = out.expanduser().resolve()
    source = pictures.resolve()
    among = place.is_relative_to(source) if source.is_dir() else place.parent == source.parent
    if among:
        raise SettingError(
            f"the sheet would be written to {place}, among the pictures",
            "a place outside the pictures' folder",
            f"--out {(source if source.is_dir() else source.parent).parent / 'augmented.png'}",
        )
    if place.suffix.lower() != ".png":
        raise SettingError(
            f"the sheet would be written to {place}", "a name that ends in .png", "--out sheet.png"
        )
    return place
