"""One temperature that turns scores into believable probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.heads.spectrum import Floats, Integers
from headstart.layers import softmax64

# How far the temperature may lie from the scale of the scores, as a power of e.
_REACH = 12.0
_CLOSE = 1e-6


def fit_temperature(scores: npt.NDArray[Any], y: Integers) -> float:
    """The temperature T for which ``softmax(scores / T)`` has the lowest log loss.

    The true class's target is (N + 1) / (N + 2) and the rest is shared by the others: N rows
    without a single mistake do not show that mistakes never happen (Laplace's rule of succession).
    Without it, scores that separate the classes perfectly would ask for certainty.

    Args:
        scores: float [N, C], of rows the head was not fitted on.
        y: int [N], class indices.

    Returns:
        A temperature above 0; 1 if there are no rows or all scores are equal.

    Source:
        Guo et al. 2017, "On calibration of modern neural networks", §4.2 (temperature); Platt
        1999, "Probabilistic outputs for support vector machines", §2.2 (smoothed targets).
    """
    if not scores.size:
        return 1.0
    centred = scores - scores.mean(axis=1, keepdims=True, dtype=np.float64)
    scale = float(np.abs(centred).max())
    if scale == 0:
        return 1.0
    centred /= scale
    return float(scale * np.exp(-_log_sharpness(centred, _expected_score(centred, y))))


def _log_sharpness(scores: Floats, expected: float) -> float:
    """Where the mean score under the softmax is the expected one.

    The loss is convex in the sharpness 1/T: its derivative rises through one root. Newton's steps,
    and halves of the interval where they would leave it.
    """
    low, high, guess = -_REACH, _REACH, 1.0
    while high - low > _CLOSE:
        sharpness = np.exp(guess)
        probabilities = softmax64(sharpness * scores)
        means = np.einsum("nc,nc->n", probabilities, scores)
        excess = means.mean() - expected
        low, high = (guess, high) if excess < 0 else (low, guess)
        squares = np.einsum("nc,nc,nc->n", probabilities, scores, scores)
        rise = sharpness * (squares - means**2).mean()
        step = -excess / rise if rise > 0 else np.inf
        if abs(step) < _CLOSE:
            return float(np.clip(guess + step, low, high))
        guess = guess + step if low < guess + step < high else (low + high) / 2
    return guess


def log_loss(scores: npt.NDArray[Any], y: Integers, temperature: float) -> float:
    """Mean of `row_losses`."""
    return float(row_losses(scores, y, temperature).mean())


def row_losses(scores: npt.NDArray[Any], y: Integers, temperature: float) -> Floats:
    """float64 [N], ``-log softmax(scores / temperature)`` at the true class, in nats."""
    scaled = scores.astype(np.float64) / temperature
    highest = scaled.max(axis=1)
    normaliser = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
    return np.asarray(normaliser - scaled[np.arange(len(y)), y])


def _expected_score(scores: Floats, y: Integers) -> float:
    num_rows, num_classes = scores.shape
    own = scores[np.arange(num_rows), y]
    others = (scores.sum(axis=1) - own) / (num_classes - 1)
    doubt = 1 / (num_rows + 2)
    return float(((1 - doubt) * own + doubt * others).mean())
