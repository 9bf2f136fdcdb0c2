"""Where each pixel of the network's square looks in the picture.

All geometry of a view is one map from the square to the picture, so a picture is resampled once
however much happens to it. Places in a square run from -1 to 1, from edge to edge, y downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.finetuning.view import View

Matrix = npt.NDArray[np.float64]
Grid = npt.NDArray[np.float32]
_CORNERS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


@dataclass(frozen=True)
class Frame:
    """The rectangle of a picture that fills the square when nothing else is done; in pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def matrix(self) -> Matrix:
        """From places in the square to places in the picture."""
        across, down = self.width / 2, self.height / 2
        return np.array([[across, 0, self.left + across], [0, down, self.top + down], [0, 0, 1.0]])


def frame_of(view: View, width: float, height: float, shown: float | None) -> Frame:
    """What a view shows of a picture.

    Args:
        view: Its part is looked at.
        width: Of the picture, in pixels.
        height: Likewise.
        shown: What of the shorter side the prediction's crop shows; None: it cuts nothing off.
    """
    if view.part:
        return Frame(*view.part.box(width, height))
    if shown is None:
        return Frame(0, 0, width, height)
    side = shown * min(width, height)
    return Frame((width - side) / 2, (height - side) / 2, side, side)


def matrix_of(view: View) -> Matrix:
    """From places in the view's square to places in the frame: all but the lens."""
    there = _shifted(view) @ _turned(view) @ _sheared(view) @ _scaled(view) @ _quadrangle(view)
    back = np.linalg.inv(there)
    return np.asarray(back / back[2, 2], dtype=np.float64)


def places(matrix: Matrix, lens: float, size: int) -> Grid:
    """Where each pixel of the square looks: float32 [2, size, size], x and y.

    Args:
        matrix: From the square to where places are wanted.
        lens: Applied before: a corner looks ``1 + lens`` times as far from the centre.
        size: Pixels a side.

    Source: the first radial term of Brown 1966, "Decentering distortion of lenses".
    """
    steps = ((2 * np.arange(size) + 1) / size - 1).astype(np.float32)
    x, y = steps[None, :], steps[:, None]
    if lens:
        farther = 1 + np.float32(lens / 2) * (x * x + y * y)
        x, y = x * farther, y * farther
    (a, b, c), (d, e, f), (g, h, i) = matrix.astype(np.float32)
    found = np.empty((2, size, size), dtype=np.float32)
    found[0] = a * x + b * y + c
    found[1] = d * x + e * y + f
    if g or h:
        found /= g * x + h * y + i
    return found


def mirrored_at_edges(along: Grid, length: float) -> Grid:
    """Places outside [0, length] brought inside as in a mirror at each edge."""
    while along.min() < 0 or along.max() > length:
        along = np.subtract(length, np.abs(np.subtract(length, np.abs(along))), dtype=np.float32)
    return along


def _shifted(view: View) -> Matrix:
    # The square is 2 wide.
    return np.array([[1, 0, 2 * view.shift[0]], [0, 1, 2 * view.shift[1]], [0, 0, 1.0]])


def _turned(view: View) -> Matrix:
    cosine, sine = math.cos(math.radians(view.angle)), math.sin(math.radians(view.angle))
    return np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1.0]])


def _sheared(view: View) -> Matrix:
    across, down = (math.tan(math.radians(angle)) for angle in view.shear)
    along_x = np.array([[1, across, 0], [0, 1, 0], [0, 0, 1.0]])
    along_y = np.array([[1, 0, 0], [down, 1, 0], [0, 0, 1.0]])
    return np.asarray(along_x @ along_y)


def _scaled(view: View) -> Matrix:
    across = -view.zoom if view.mirrored else view.zoom
    down = -view.zoom if view.upside_down else view.zoom
    return np.diag([across, down, 1.0])


def _quadrangle(view: View) -> Matrix:
    """The projection that moves the square's corners inwards: eight equations, eight unknowns."""
    if not any(view.corners):
        return np.eye(3)
    moved = _CORNERS * (1 - np.reshape(view.corners, (4, 2)))
    rows, wanted = [], []
    for (x, y), (to_x, to_y) in zip(_CORNERS, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -to_x * x, -to_x * y], [0, 0, 0, x, y, 1, -to_y * x, -to_y * y]]
        wanted += [to_x, to_y]
    return np.append(np.linalg.solve(rows, wanted), 1.0).reshape(3, 3)
