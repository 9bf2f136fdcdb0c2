"""One seed enters at the top; each use draws its own, independent stream from it."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, use: str) -> np.random.Generator:
    """A generator of its own for one use.

    Args:
        seed: The run's seed, 0 or more.
        use: What it is for, for example ``"split"``: adding a use changes no other stream.
    """
    return np.random.default_rng([seed, zlib.crc32(use.encode())])


def integer(seed: int, use: str) -> int:
    """An integer seed in [0, 2**31) for libraries that take one."""
    return int(generator(seed, use).integers(2**31))
