"""Heads that work in the coordinates of ``spectrum``, where one decomposition serves every fold."""

from __future__ import annotations

from abc import abstractmethod

from headstart.heads.head import Head
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Layer


class SpectralHead(Head):
    """A head that, fitted on all rows, can be fitted on some of them without decomposing these.

    The coordinates, which no label had a part in, and the settings stay those of all rows.
    """

    has_settings = True
    """Whether anything was found on all rows but the coordinates."""

    @abstractmethod
    def fit_some(self, rows: Rows, kept: Integers, y: Integers) -> tuple[Layer, ...]:
        """The layers of a twin with this head's settings that learns from some of its rows.

        Args:
            rows: Those that this head was fitted on.
            kept: int64 [M], which of them.
            y: int [M], class indices; every one from 0 to the largest occurs.
        """
