"""The gallery: names, labels and features of training pictures, and the search for the nearest.

``gallery.safetensors`` in a bundle: ``features`` float16 [M, D], rows of length 1 · ``names``
uint8, a JSON object of ``ids``, ``labels`` and ``of`` (how many training pictures there were). JSON
in ASCII keeps file names that are no text. Prediction does not need it, so it is checked when it is
asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.feature_rows import Features
from headstart.files import canonical_json
from headstart.metrics.nearness import directions
from headstart.model import bundle
from headstart.model.search import largest_products
from headstart.randomness import generator

_BLOCK = 4096  # rows written out at a time


@dataclass(frozen=True)
class Neighbour:
    """A training picture that is near to a picture.

    Args:
        id: Its path below the folder of the training pictures.
        label: What it was filed under.
        similarity: Cosine of the features, at most 1.
    """

    id: str
    label: str
    similarity: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """Training pictures by their features.

    Args:
        ids: M paths below the folder of the training pictures.
        labels: M class names.
        features: float [M, D] at the tap of the graph's ``features``, rows of length 1: in 16 bits,
            as a bundle keeps them, or in 32, as they are searched.
        num_pictures: How many training pictures there were; M of them were drawn.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    features: npt.NDArray[np.floating[Any]]
    num_pictures: int

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        labels: Sequence[str],
        features: Features,
        seed: int,
        most: int,
        kind: type[np.floating[Any]] = np.float32,
    ) -> Gallery:
        """Of training pictures and their features float32 [N, D]; at most ``most`` are drawn."""
        rows = np.arange(len(ids))
        if len(ids) > most:
            rows = np.sort(generator(seed, "gallery").choice(len(ids), most, replace=False))
        kept = np.empty((len(rows), features.shape[1]), dtype=kind)
        for start in range(0, len(rows), _BLOCK):
            some = slice(start, start + _BLOCK)
            kept[some] = directions(features[rows[some]])
        kept_ids = tuple(ids[row] for row in rows.tolist())
        return cls(kept_ids, tuple(labels[row] for row in rows.tolist()), kept, len(ids))

    def nearest(self, features: npt.NDArray[np.float32], count: int) -> list[Neighbour]:
        """The ``count`` most similar training pictures, the nearest first; exact.

        Args:
            features: float32 [D], the graph's ``features`` of one picture.
            count: 1 or more; there are never more than the gallery holds.
        """
        direction = directions(features[None, :])[0]
        count = min(count, len(self.ids))
        rows, similarity = largest_products(self.features, direction, count)
        order = np.lexsort((rows, -similarity))
        return [
            Neighbour(self.ids[row], self.labels[row], min(1.0, float(near)))
            for row, near in zip(rows[order], similarity[order], strict=True)
        ]


def write_gallery(folder: Path, gallery: Gallery) -> None:
    """Write it into a bundle, before the record."""
    names = {"ids": gallery.ids, "labels": gallery.labels, "of": gallery.num_pictures}
    arrays: dict[str, npt.NDArray[Any]] = {
        "features": gallery.features.astype(np.float16, copy=False),
        "names": np.frombuffer(canonical_json(names).encode(), np.uint8),
    }
    bundle.write_arrays(folder, arrays, bundle.GALLERY)


def load_gallery(folder: Path) -> Gallery | None:
    """The gallery of a bundle; None where there is none (``--gallery 0``, older versions).

    Raises:
        BundleError: It is damaged, or was changed after it was written.
    """
    if not bundle.has_part(folder, bundle.GALLERY):
        return None
    arrays = bundle.read_arrays(folder, bundle.GALLERY)
    names: dict[str, Any] = json.loads(arrays["names"].tobytes())
    features = arrays["features"].astype(np.float32)  # once: it takes longer than a search
    return Gallery(tuple(names["ids"]), tuple(names["labels"]), features, names["of"])
