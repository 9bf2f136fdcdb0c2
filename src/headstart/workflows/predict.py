"""From a saved classifier and pictures to predictions."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from headstart.datasets.walking import walk
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


def expand(places: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    """The files that are meant: folders are searched through, patterns resolved.

    A path that does not exist is passed on: it becomes a row with its reason.
    """
    for given in places:
        place = os.fspath(given)
        path = Path(place)
        if path.is_dir():
            yield from (os.path.join(place, name) for name in walk(path).folder.pictures())
        elif not path.exists() and glob.has_magic(place):
            yield from sorted(glob.glob(place, recursive=True)) or [place]
        else:
            yield place
