"""What each picture's file is: learnt once while decoding, used by every check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Prints:
    """What copies are known by.

    Args:
        digests: `files.content_digest` of each file's bytes.
        hashes: uint64 [N], perceptual hashes.
        thumbnails: uint8 [N, 256], 16x16 gray pixels.
    """

    digests: tuple[bytes, ...]
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]

    def with_more(self, others: Prints) -> Prints:
        """These, then others."""
        return Prints(
            self.digests + others.digests,
            np.concatenate([self.hashes, others.hashes]),
            np.concatenate([self.thumbnails, others.thumbnails]),
        )


@dataclass(frozen=True, eq=False)
class Facts:
    """One row a picture, in the order of the manifest's usable rows.

    Args:
        digests: `files.content_digest` of each file's bytes.
        widths: int64 [N], pixels, upright.
        heights: int64 [N], pixels, upright.
        formats: As Pillow names them: ``"JPEG"``, ``"PNG"``.
        modes: As Pillow names them: ``"RGB"``, ``"L"``.
        flags: What else was seen, for example ``"multi_frame"``.
        hashes: uint64 [N], perceptual hashes.
        thumbnails: uint8 [N, 256], 16x16 gray pixels.
        qualities: int64 [N], of JPEGs, 1 to 100; 0 of other formats.
    """

    digests: tuple[bytes, ...]
    widths: npt.NDArray[np.int64]
    heights: npt.NDArray[np.int64]
    formats: tuple[str, ...]
    modes: tuple[str, ...]
    flags: tuple[frozenset[str], ...]
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]
    qualities: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def prints(self) -> Prints:
        """What copies are known by."""
        return Prints(self.digests, self.hashes, self.thumbnails)

    def select(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Facts:
        """The rows at ``indices``, in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        return Facts(
            digests=tuple(self.digests[row] for row in rows),
            widths=self.widths[rows],
            heights=self.heights[rows],
            formats=tuple(self.formats[row] for row in rows),
            modes=tuple(self.modes[row] for row in rows),
            flags=tuple(self.flags[row] for row in rows),
            hashes=self.hashes[rows],
            thumbnails=self.thumbnails[rows],
            qualities=self.qualities[rows],
        )
