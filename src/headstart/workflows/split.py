"""A dataset of any layout as train and test folders with a folder per class. Sources stay."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.datasets.reading import place_of
from headstart.errors import DatasetError, SettingError, UnusableImage
from headstart.files import folder_written_whole, must_be_writable
from headstart.images.decode import read_bytes
from headstart.labels import spelling
from headstart.progress import Progress, Silent
from headstart.unusable import Unusable
from headstart.workflows.dividing import split_of
from headstart.workflows.preparing import Prepared, prepare
from headstart.workflows.recipe import Recipe

Put = Callable[[Path, Path], object]

WAYS: dict[str, Put] = {
    "copy": shutil.copyfile,
    "hard-link": lambda source, place: os.link(source.resolve(), place),
    "symlink": lambda source, place: place.symlink_to(source.resolve(strict=True)),
}


@dataclass(frozen=True)
class Parted:
    """What was written.

    Args:
        folder: Where.
        rule: By which the test pictures were drawn, or that they were given.
        counts: Pictures by class and part.
        unusable: What was left out, with the reasons.
    """

    folder: Path
    rule: str
    counts: dict[str, dict[str, int]]
    unusable: tuple[Unusable, ...]

    def lines(self) -> list[str]:
        """What a person reads."""
        width = max(5, *map(len, self.counts))
        rows = [
            f"{name:<{width}}  {parts['train']:>6}  {parts['test']:>6}"
            for name, parts in self.counts.items()
        ]
        return [self.rule, f"{'class':<{width}}   train    test", *rows, f"written {self.folder}"]

    def to_json(self) -> dict[str, Any]:
        """What ``headstart split --json`` prints."""
        return {
            "folder": str(self.folder),
            "rule": self.rule,
            "counts": self.counts,
            "unusable": [dataclasses.asdict(row) for row in self.unusable],
        }


def run_split(
    pictures: str | os.PathLike[str],
    to: str | os.PathLike[str],
    recipe: Recipe,
    how: str = "copy",
    progress: Progress | None = None,
) -> Parted:
    """Write train and test folders, each with a folder per class; the source is only read.

    The split is the one that `fit` would draw: each class keeps its share, groups and copies stay
    together (not in a random split). The features made on the way are kept, so that a later `fit`
    reuses them.

    Args:
        pictures: As for `fit`.
        to: A new folder, or an empty one; written whole or not at all.
        recipe: How pictures are read and parted.
        how: A key of `WAYS`.
        progress: Told what happens.

    Raises:
        SettingError: The place is taken or lies among the pictures; a class cannot be the name
            of a folder, or two of them are one to the file system; links are not possible there.
        DatasetError: The pictures cannot be understood as a dataset, are too few, or vanished.
        StoreError: The folder cannot be written.
    """
    progress = progress or Silent()
    folder = Path(to).expanduser().resolve()
    _must_be_free(folder)
    _must_lie_apart(folder, place_of(pictures).resolve())
    must_be_writable(folder.parent)
    prepared = prepare(pictures, recipe, progress)
    _must_lie_apart(folder, prepared.manifest.root.resolve())
    _must_name_folders(prepared.manifest.class_names)
    split = split_of(prepared, recipe)
    places = _places(prepared, split.splits)
    with folder_written_whole(folder) as temporary:
        _make_folders(temporary, places)
        for source, place in zip(prepared.manifest.paths, places, strict=True):
            _put(WAYS[how], source, temporary / place)
    counted = Counter(zip(prepared.manifest.labels, split.splits, strict=True))
    counts = {
        name: {part: counted[name, part] for part in ("train", "test")}
        for name in prepared.manifest.class_names
    }
    return Parted(folder, split.rule, counts, prepared.unusable)


def _places(prepared: Prepared, splits: tuple[str, ...]) -> list[str]:
    """Where each picture goes: under its own name, or the whole path's where that is taken.

    Names that differ in case only are one to many file systems, which would write one file.
    """
    taken: set[tuple[str, str, str]] = set()
    places = []
    manifest = prepared.manifest
    for name, label, part in zip(manifest.ids, manifest.labels, splits, strict=True):
        path = Path(name)
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2))
        names = itertools.chain((path.name, name.replace("/", "-")), numbered)
        file = next(each for each in names if (part, label, spelling(each)) not in taken)
        taken.add((part, label, spelling(file)))
        places.append(f"{part}/{label}/{file}")
    return places


def _make_folders(root: Path, places: list[str]) -> None:
    """A folder for each class of each part, each a new one: a file system may ignore case."""
    for place in sorted({place.rpartition("/")[0] for place in places}):
        part, _, label = place.partition("/")
        (root / part).mkdir(exist_ok=True)
        try:
            (root / place).mkdir()
        except FileExistsError as error:
            raise SettingError(
                f"the class {label!r} and another one have the same folder where this is written",
                "class names that differ in more than case, or a disk that tells them apart",
                f"rename it with --merge '{label}=...', or choose another place",
            ) from error


def _put(way: Put, source: Path, place: Path) -> None:
    try:
        way(source, place)
    except OSError as error:
        _must_be_readable(source)
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        raise SettingError(
            f"{source} cannot be linked to from {place.parent}: {error.strerror}",
            "a place on the same disk, that can hold links",
            "leave the link out: pictures are copied then",
        ) from error


def _must_be_readable(source: Path) -> None:
    try:
        read_bytes(source)
    except UnusableImage as error:
        raise DatasetError(
            f"a picture changed while the folders were written: {source} ({error})",
            "pictures that stay as they are during a run",
            "run the same command again",
        ) from error


def _must_be_free(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise SettingError(
            f"{folder} is there already", "a new folder, or an empty one", "choose another place"
        )


def _must_lie_apart(folder: Path, source: Path) -> None:
    if folder.is_relative_to(source) or source.is_relative_to(folder):
        raise SettingError(
            f"the pictures are in {source}, and would be written to {folder}",
            "a place that is not among the pictures, nor around them",
            f"choose another place, for example {source.parent / (source.stem + '-split')}",
        )


def _must_name_folders(names: tuple[str, ...]) -> None:
    for name in names:
        if "/" in name or "\0" in name or name.startswith("."):
            raise SettingError(
                f"the class {name!r} cannot be the name of a folder",
                "class names without a / and without a dot in front",
                f"rename it with --merge '{name}=...'",
            )
