"""The classifier that answers now, and the next one, which takes its place only when it works."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.backbones.engine import Outputs
from headstart.errors import BundleError, UnusableImage
from headstart.model import bundle
from headstart.model.classifier import Classifier, load
from headstart.model.gallery import Gallery, Neighbour, load_gallery

_PARTS = (bundle.RECORD, bundle.GRAPH, bundle.ARRAYS, bundle.GALLERY)
_TRIES = 3


@dataclass(frozen=True)
class Choice:
    """How a bundle is loaded, as for `model.classifier.load`."""

    threads: int | None = None
    max_error: float | None = None
    sets: float | None = None


@dataclass(frozen=True, eq=False)
class Served:
    """One loaded bundle. A request keeps the one it began with.

    Args:
        classifier: Which answers.
        gallery: The training pictures, where the bundle holds them.
        loaded: When, in seconds since 1970.
    """

    classifier: Classifier
    gallery: Gallery | None
    loaded: float

    def nearest(self, outputs: Outputs | None, count: int) -> list[Neighbour]:
        """The training pictures that are nearest to a picture with these outputs."""
        if outputs is None or self.gallery is None or not count:
            return []
        return self.gallery.nearest(outputs["features"], count)


class Current:
    """What stands in a bundle's folder, loaded.

    Args:
        folder: The bundle's; what it holds may be replaced at any time.
        choice: How it is loaded.

    Raises:
        BundleError: There is no whole bundle.
        SettingError: It cannot do what was chosen.
    """

    def __init__(self, folder: Path, choice: Choice) -> None:
        self._folder, self._choice = folder, choice
        self._seen = _signature(folder)
        self.served = self._load()

    def changed(self) -> bool:
        """Whether other files stand there than were last looked at."""
        return _signature(self._folder) != self._seen

    def reload(self) -> None:
        """Load what stands there now.

        Raises:
            HeadstartError: It cannot be used: the one before goes on answering.
        """
        self._seen = _signature(self._folder)
        self.served = self._load()

    def _load(self) -> Served:
        for _ in range(_TRIES):
            before = _signature(self._folder)
            served = _loaded(self._folder, self._choice)
            # Parts of two bundles must not answer together.
            if _signature(self._folder) == before:
                return served
        raise BundleError(
            f"{self._folder} changes while it is read",
            "a bundle that is replaced in one step",
            "write the new one beside it, then rename it (headstart fit does)",
        )


def _loaded(folder: Path, choice: Choice) -> Served:
    gallery = load_gallery(folder)
    classifier = load(
        folder,
        threads=choice.threads,
        max_error=choice.max_error,
        sets=choice.sets,
        with_features=gallery is not None,
    )
    size = classifier.record.preprocessing.size
    try:
        # The first picture takes longer; and a graph that cannot run is found out now.
        classifier.outputs(np.zeros((size, size, 3), np.uint8))
    except UnusableImage as error:
        raise BundleError(
            f"the classifier in {folder} cannot answer: {error.what}",
            "a network that gives finite numbers for a black picture",
            "make it again with headstart fit",
        ) from error
    return Served(classifier, gallery, time.time())


def _signature(folder: Path) -> tuple[object, ...]:
    return tuple(_of_file(folder / name) for name in _PARTS)


def _of_file(path: Path) -> object:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
