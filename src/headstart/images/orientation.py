"""The eight ways to lay a square of pixels: as it is, mirrored, turned by quarters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

AS_IT_IS = 0
# Mirrored (1), upside down (2), rows and columns exchanged (4), or what these together make.
TURNED = tuple(range(1, 8))


def laid(squares: npt.NDArray[np.uint8], way: int) -> npt.NDArray[np.uint8]:
    """Squares of pixels, laid another way.

    Args:
        squares: uint8 [N, S * S], row by row.
        way: ``AS_IT_IS`` or one of ``TURNED``.

    Returns:
        uint8 [N, S * S].
    """
    side = round(squares.shape[1] ** 0.5)
    pixels = squares.reshape(-1, side, side)
    pixels = pixels.swapaxes(1, 2) if way & 4 else pixels
    pixels = pixels[:, ::-1] if way & 2 else pixels
    pixels = pixels[:, :, ::-1] if way & 1 else pixels
    return pixels.reshape(squares.shape)
