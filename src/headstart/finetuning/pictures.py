"""Views of pictures, decoded and augmented.

The same picture and view give the same pixels whatever the order and the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart.errors import DatasetError, UnusableImage
from headstart.files import content_digest
from headstart.finetuning.settings import Augmentation
from headstart.images.decode import decode, read_bytes
from headstart.images.preprocessing import Preprocessing

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """Where the pictures are, and how views are made of them.

    Args:
        paths: Files.
        digests: `files.content_digest` of each file's bytes.
        preprocessing: Of the backbone.
        augmentation: Draws the views from 1 on. View 0 is plain; those below are it mirrored or
            turned, as `request.TTA` numbers them without the sign.
        seed: For them.
    """

    paths: tuple[Path, ...]
    digests: tuple[bytes, ...]
    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int

    def pixels(self, item: tuple[int, int]) -> Pixels:
        """uint8 [S, S, 3] of a row and a view; may be asked from many threads.

        Raises:
            DatasetError: The file changed or vanished since it was first read.
        """
        row, view = item
        try:
            data = read_bytes(self.paths[row])
            if content_digest(data) != self.digests[row]:
                raise UnusableImage("corrupt", "its bytes are others than before")
            picture = decode(data, at_least=self.preprocessing.at_least)
        except UnusableImage as error:
            raise DatasetError(
                f"a picture changed while it was learnt from: {self.paths[row]} ({error})",
                "pictures that stay as they are during a run",
                "run the same command again",
            ) from error
        if view <= 0:
            return _turned(self.preprocessing.pixels(picture), -view)
        from headstart.finetuning.augmentation import augment, random_of

        # A picture is known by its bytes: its views are the same in whatever dataset it stands.
        number = int.from_bytes(self.digests[row][:8], "big")
        return augment(
            picture, self.preprocessing, self.augmentation, random_of(self.seed, number, view)
        )


def _turned(pixels: Pixels, view: int) -> Pixels:
    pixels = pixels.transpose(1, 0, 2) if view & 4 else pixels
    across, down = (-1 if view & bit else 1 for bit in (1, 2))
    return np.ascontiguousarray(pixels[::down, ::across])
