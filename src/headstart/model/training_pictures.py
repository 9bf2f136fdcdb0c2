"""What a bundle remembers of the pictures it has learnt from: enough to know them and their like.

In ``head.safetensors``, of N training pictures: ``training_blake3`` uint8 [N, 32] digests of the
files · where groups were given, ``training_groups`` uint8 [N, 32] digests of their names, zeros for
none · of at most 50 000 pictures what copies are found by: ``training_hashes`` uint64 [N],
``training_thumbnails`` uint8 [N, 256], ``training_classes`` int64 [N]. Prediction needs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Prints
from headstart.errors import BundleError
from headstart.files import content_digest
from headstart.model import bundle

# 272 bytes each.
_MOST_PRINTS = 50_000
_NONE = bytes(32)

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class TrainingPictures:
    """The training pictures of a saved classifier.

    Args:
        prints: Of all; without hashes and thumbnails where these were too many to be kept.
        classes: int64, class indices; as many as there are hashes.
        groups: For each picture the name of its group as `group_key` spells it, or ``""``.
    """

    prints: Prints
    classes: npt.NDArray[np.int64]
    groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.prints.digests)

    @property
    def has_looks(self) -> bool:
        """Whether near copies of them can be known."""
        return len(self.prints.hashes) == len(self)


def group_key(name: str) -> str:
    """What stands for the name of a group; ``""`` for none."""
    return content_digest(name.encode(errors="surrogatepass")).hex() if name else ""


def to_arrays(prints: Prints, classes: npt.NDArray[np.int64], groups: Sequence[str]) -> Arrays:
    """What goes into the bundle.

    Args:
        prints: Of N training pictures.
        classes: int64 [N], class indices.
        groups: N names of groups, ``""`` for none.
    """
    arrays: Arrays = {"training_blake3": _rows(prints.digests)}
    if any(groups):
        keys = (bytes.fromhex(group_key(name)) or _NONE for name in groups)
        arrays["training_groups"] = _rows(tuple(keys))
    if len(classes) <= _MOST_PRINTS:
        arrays["training_hashes"] = prints.hashes
        arrays["training_thumbnails"] = prints.thumbnails
        arrays["training_classes"] = classes
    return arrays


def training_pictures(folder: Path) -> TrainingPictures:
    """Of the classifier in a folder.

    Raises:
        BundleError: It does not hold them: an older version knew pictures by another digest.
    """
    arrays = bundle.read_arrays(folder)
    digests = arrays.get("training_blake3")
    if digests is None:
        raise BundleError(
            f"the classifier in {folder} does not say which pictures it has learned from: it is of "
            "an older version",
            "one that knows them by their BLAKE3 digests",
            "make it again with headstart fit",
        )
    groups = arrays.get("training_groups", np.zeros_like(digests))
    return TrainingPictures(
        Prints(
            digests=tuple(row.tobytes() for row in digests),
            hashes=arrays.get("training_hashes", np.empty(0, np.uint64)),
            thumbnails=arrays.get("training_thumbnails", np.empty((0, 256), np.uint8)),
        ),
        classes=arrays.get("training_classes", np.empty(0, np.int64)),
        groups=tuple(row.tobytes().hex() if row.any() else "" for row in groups),
    )


def _rows(digests: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
