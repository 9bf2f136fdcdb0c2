"""From a saved classifier and pictures to predictions."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from headstart.datasets.walking import walk
from headstart.errors import DatasetError, SettingError
from headstart.model.classifier import Classifier, load
from headstart.model.prediction import Prediction


def predict(
    classifier: Classifier | str | os.PathLike[str],
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> list[Prediction]:
    """What pictures show.

    Args:
        classifier: A loaded one, or the folder of a saved one.
        pictures: Files, folders (searched through), patterns such as ``"*.jpg"``.

    Returns:
        One prediction a picture; those that cannot be read have no label, and a reason.

    Raises:
        BundleError: The saved classifier is missing or damaged.
    """
    if not isinstance(classifier, Classifier):
        classifier = load(classifier)
    if isinstance(pictures, str | os.PathLike):
        pictures = [pictures]
    return list(classifier.predictions(expand(pictures)))


def must_be_there(place: Path) -> None:
    """For journeys on which nothing to read is no row with its reason, but the end.

    Raises:
        DatasetError: There is no such path, and it is no pattern.
    """
    if not (os.path.lexists(place) or glob.has_magic(os.fspath(place))):
        raise DatasetError(
            f"there is no {place}",
            "a folder of pictures, a file or a pattern",
            "check its spelling",
        )


def must_fit(places: Iterable[str]) -> None:
    """Look at all patterns before the first picture is read: an answer may be an hour's work.

    Raises:
        SettingError: A pattern fits no file.
    """
    for place in filter(_is_pattern, places):
        if not any(True for _ in glob.iglob(place, recursive=True)):
            raise SettingError(
                f"no file fits the pattern {place}", "at least one file", "check its spelling"
            )


def expand(places: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """The files that are meant: folders are searched through, patterns resolved.

    A path that does not exist is passed on: it becomes a row with its reason.

    Raises:
        SettingError: A pattern fits no file.
    """
    for given in places:
        place = os.fspath(given)
        must_fit([place])
        for path in sorted(glob.glob(place, recursive=True)) if _is_pattern(place) else [place]:
            # os.path says no to what it cannot look up (a name too long), where pathlib raises.
            yield from _in_folder(path) if os.path.isdir(path) else [path]  # noqa: PTH112


def _is_pattern(place: str) -> bool:
    return glob.has_magic(place) and not os.path.lexists(place)


def _in_folder(folder: str) -> Iterator[str]:
    """Its pictures; a folder in it that is not entered stands for what is in there.

    One that cannot be opened, and a linked one: it may lead anywhere.
    """
    walked = walk(Path(folder))
    closed = (row.path for row in walked.unusable)
    for name in (*walked.folder.pictures(), *closed, *walked.linked):
        yield os.path.join(folder, name)
