"""The training pictures that are most like other pictures."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import BundleError, SettingError, UnusableImage
from headstart.model.classifier import Classifier, Picture, load
from headstart.model.gallery import Gallery, Neighbour, load_gallery


@dataclass(frozen=True)
class Similar:
    """The answer for one picture.

    Args:
        path: As it was given.
        neighbours: Training pictures, the most similar first; none if it could not be used.
        reason: Why it could not be used; None: it could.
    """

    path: str
    neighbours: tuple[Neighbour, ...]
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        neighbours = [vars(neighbour) for neighbour in self.neighbours]
        return {"path": self.path, "neighbours": neighbours, "reason": self.reason}


def similar(
    classifier: Classifier | str | os.PathLike[str], picture: Picture, count: int = 5
) -> list[Neighbour]:
    """The training pictures most like a picture, the most similar first.

    Args:
        classifier: A loaded one, or the folder of a saved one.
        picture: A path, or the bytes of a file.
        count: How many, 1 or more.

    Raises:
        BundleError: The saved classifier is missing, damaged, or has no gallery.
        UnusableImage: The picture cannot be read.
    """
    if not (isinstance(classifier, Classifier) and classifier.with_features):
        folder = classifier.folder if isinstance(classifier, Classifier) else classifier
        classifier = load(folder, with_features=True)
    gallery = gallery_of(classifier.folder)
    outcome = next(classifier.outcomes([picture]))
    if outcome.outputs is None:
        failure = outcome.failure
        assert failure is not None
        which = "the picture" if isinstance(picture, bytes) else os.fspath(picture)
        raise UnusableImage(failure.reason, failure.detail, which)
    return _nearest(gallery, outcome.outputs["features"], count)


def similar_of_each(
    classifier: Classifier, gallery: Gallery, pictures: Iterable[str], count: int
) -> Iterator[Similar]:
    """The same for many pictures, in order, by a classifier loaded with features."""
    ours, theirs = itertools.tee(pictures)
    for path, outcome in zip(ours, classifier.outcomes(theirs), strict=True):
        if outcome.outputs is None:
            yield Similar(path, (), str(outcome.failure))
        else:
            yield Similar(path, tuple(_nearest(gallery, outcome.outputs["features"], count)))


def gallery_of(folder: Path) -> Gallery:
    """The gallery of a bundle.

    Raises:
        BundleError: It has none, or it is damaged.
    """
    gallery = load_gallery(folder)
    if gallery is None:
        raise BundleError(
            f"the classifier in {folder} does not keep its training pictures' features: it was "
            "made with --gallery 0, or by an older version",
            "one with a gallery of training pictures",
            "make it again with headstart fit --gallery 100000",
        )
    return gallery


def _nearest(gallery: Gallery, features: Any, count: int) -> list[Neighbour]:
    if count < 1:
        raise SettingError(f"count={count}", "1 or more", "count=5")
    return gallery.nearest(features, count)
