"""How long a rung's trial takes on this machine, before anything is trained: a rough number."""

from __future__ import annotations

import math
import time
from functools import cache

import numpy as np

from headstart.backbones.devices import CPU, device_of
from headstart.finetuning.recipe import Tuning
from headstart.workflows.recipe import Recipe

# Pictures a second of a training step at 224 pixels, and of reading, where two cores multiply
# `_REFERENCE` float32 numbers a second.
_RATES = {"top1": 350.0, "top2": 100.0, "all": 25.0, "affine": 25.0, "scratch": 25.0}
_READING_RATE = 200.0
_REFERENCE = 230e9 / 2
# How many times as fast a card is: little for any.
_ON_A_CARD = 10
_SIDE, _TRIES = 768, 9


def fold_seconds(tuning: Tuning, num_rows: int, recipe: Recipe) -> float:
    """Of training on so many rows: the frozen part read once, then the steps."""
    rate = _RATES.get(tuning.train_from, _RATES["top2"])
    rate *= 1 if device_of(recipe.device) == CPU else _ON_A_CARD
    reading = num_rows * tuning.views / _READING_RATE if tuning.is_partial else 0.0
    return math.ceil((reading + num_rows * tuning.epochs / rate) / _speed())


@cache
def _speed() -> float:
    """How fast this machine is beside that of the rates, by one product of matrices."""
    random = np.random.default_rng(0)
    square = random.standard_normal((_SIDE, _SIDE), dtype=np.float32)
    spent = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        _ = square @ square
        spent.append(time.perf_counter() - began)
    return _SIDE**3 / min(spent) / _REFERENCE
