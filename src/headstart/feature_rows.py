"""What every station from the store on takes for features: rows that may be too many for memory."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt


class Features(Protocol):
    """float [N, D]: an array, or what gives its rows, as a copy, when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N and D."""

    def __len__(self) -> int: ...

    def __getitem__(self, some: Any, /) -> npt.NDArray[Any]: ...
