"""How long a rung's trial takes on this machine, before anything is trained: a rough number."""

from __future__ import annotations

import math
import time
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from headstart.backbones.devices import CPU, device_of
from headstart.backbones.engine import num_cores
from headstart.backbones.request import TTA
from headstart.finetuning.recipe import Tuning
from headstart.workflows.recipe import Recipe

# Pictures a second of a training step at 224 pixels, and of reading, on two cores of which each
# multiplies and adds `_REFERENCE` pairs of float32 numbers a second.
_RATES = {"top1": 350.0, "top2": 100.0, "all": 25.0, "affine": 25.0, "scratch": 25.0}
_READING_RATE = 200.0
_REFERENCE = 60e9
# How many times as fast a card is: little for any.
_ON_A_CARD = 10
_SIDE, _TRIES = 512, 5


def fold_seconds(
    tuning: Tuning, num_rows: int, recipe: Recipe, num_unread: int | None = None
) -> float:
    """Of training on so many rows: the frozen part read once, then the steps.

    Args:
        tuning: The recipe of the rung.
        num_rows: That are learnt from.
        recipe: Says with how many threads, and where.
        num_unread: For how many of them the frozen part is yet to be read; None: all.
    """
    rate = _RATES.get(tuning.train_from, _RATES["top2"])
    steps = num_rows * tuning.epochs / rate
    views = tuning.views * (num_rows if num_unread is None else num_unread)
    reading = views / _READING_RATE if tuning.is_partial else 0.0
    if device_of(recipe.device) != CPU:
        return math.ceil(reading + steps / _ON_A_CARD)
    return math.ceil((reading + steps) / _speed(recipe))


def reading_seconds(num_images: int, recipe: Recipe) -> int:
    """To read so many pictures through a network of the size of the default one."""
    seconds = num_images * len(TTA[recipe.tta]) / _READING_RATE
    return math.ceil(seconds if device_of(recipe.device) != CPU else seconds / _speed(recipe))


def _speed(recipe: Recipe) -> float:
    """Of the cores in use, beside those of the rates."""
    return _core_speed() * (recipe.threads or num_cores()) / 2


@cache
def _core_speed() -> float:
    """How fast one core is beside those of the rates, by one product of matrices.

    By processor time: what else the machine does is not for ever.
    """
    random = np.random.default_rng(0)
    square = random.standard_normal((_SIDE, _SIDE), dtype=np.float32)
    spent = []
    with threadpool_limits(1):
        for _ in range(_TRIES):
            began = time.thread_time()
            _ = square @ square
            spent.append(time.thread_time() - began)
    return _SIDE**3 / max(min(spent), 1e-6) / _REFERENCE
