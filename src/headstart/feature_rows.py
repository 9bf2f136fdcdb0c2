"""What every station from the store on takes for features: rows that may be too many for memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Features(Protocol):
    """float [N, D]: an array, or what gives its rows when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N and D."""

    def __len__(self) -> int: ...

    def __getitem__(self, some: Any, /) -> npt.NDArray[Any]: ...


class Room(Features, Protocol):
    """Float32 [N, D] to be filled."""

    def __setitem__(self, some: Any, rows: npt.NDArray[Any], /) -> None: ...


def room_beside(features: Features, shape: tuple[int, int]) -> Room:
    """Where rows made of these go: into memory, or to the disk if that is where these wait."""
    beside = getattr(features, "room_beside", None)
    return beside(shape) if beside else np.empty(shape, np.float32)


@dataclass(frozen=True, eq=False)
class Selected:
    """Some rows of features, copied when they are asked for: there may be many.

    Args:
        values: float [M, D].
        rows: int64 [N], which of them, in this order.
    """

    values: Features
    rows: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return len(self.rows), self.values.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        return self.values[self.rows[some]]

    def room_beside(self, shape: tuple[int, int]) -> Room:
        """As the function."""
        return room_beside(self.values, shape)


def some_of(values: Features, rows: npt.NDArray[np.int64]) -> Features:
    """What is in memory is copied; what waits on the disk stays there."""
    return values[rows] if isinstance(values, np.ndarray) else Selected(values, rows)
