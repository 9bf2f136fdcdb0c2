"""One temperature that turns scores into believable probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.heads.spectrum import Floats, Integers
from headstart.layers import softmax64

# How far the temperature may lie from the scale of the scores, as a power of e.
_REACH = 12.0
_CLOSE = 1e-6
_AT_ONCE = 4_000_000  # scores worked on in full precision at a time


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
    scale = max(float(np.abs(part).max()) for part in _Centred(scores))
    if scale == 0:
        return 1.0
    centred = _Centred(scores, scale)
    parts = list(centred) if scores.size <= _AT_ONCE else centred
    return float(scale * np.exp(-_log_sharpness(parts, _expected_score(parts, y))))


@dataclass(frozen=True, eq=False)
class _Centred:
    """Scores less their mean over the classes: float64 [B, C], block after block."""

    scores: npt.NDArray[Any]
    scale: float = 1.0

    def __iter__(self) -> Iterator[Floats]:
        for some in _blocks(self.scores):
            part = self.scores[some]
            centred = part - part.mean(axis=1, keepdims=True, dtype=np.float64)
            centred /= self.scale
            yield centred


def _blocks(scores: npt.NDArray[Any]) -> Iterator[slice]:
    at_once = max(1, _AT_ONCE // scores.shape[1])
    return (slice(start, start + at_once) for start in range(0, len(scores), at_once))


def _log_sharpness(scores: Iterable[Floats], expected: float) -> float:
    """Where the mean score under the softmax is the expected one.

    The loss is convex in the sharpness 1/T: its derivative rises through one root. Newton's steps,
    and halves of the interval where they would leave it.
    """
    low, high, guess = -_REACH, _REACH, 1.0
    while high - low > _CLOSE:
        sharpness = np.exp(guess)
        means, squares = _moments(scores, sharpness)
        excess = means.mean() - expected
        low, high = (guess, high) if excess < 0 else (low, guess)
        rise = sharpness * (squares - means**2).mean()
        step = -excess / rise if rise > 0 else np.inf
        if abs(step) < _CLOSE:
            return float(np.clip(guess + step, low, high))
        guess = guess + step if low < guess + step < high else (low + high) / 2
    return guess


def _moments(scores: Iterable[Floats], sharpness: float) -> tuple[Floats, Floats]:
    """Mean score and mean squared score of each row under the softmax: float64 [N] each."""
    means, squares = [], []
    for part in scores:
        probabilities = softmax64(sharpness * part)
        means.append(np.einsum("nc,nc->n", probabilities, part))
        squares.append(np.einsum("nc,nc,nc->n", probabilities, part, part))
    return np.concatenate(means), np.concatenate(squares)


def log_loss(scores: npt.NDArray[Any], y: Integers, temperature: float) -> float:
    """Mean of `row_losses`."""
    return float(row_losses(scores, y, temperature).mean())


def row_losses(scores: npt.NDArray[Any], y: Integers, temperature: float) -> Floats:
    """float64 [N], ``-log softmax(scores / temperature)`` at the true class, in nats."""
    found = np.empty(len(y))
    for some in _blocks(scores):
        scaled = scores[some].astype(np.float64) / temperature
        highest = scaled.max(axis=1)
        normaliser = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        found[some] = normaliser - scaled[np.arange(len(scaled)), y[some]]
    return found


def _expected_score(scores: Iterable[Floats], y: Integers) -> float:
    sums, start = [], 0
    for part in scores:
        own = part[np.arange(len(part)), y[start : start + len(part)]]
        sums.append((own, (part.sum(axis=1) - own) / (part.shape[1] - 1)))
        start += len(part)
    own, others = np.concatenate(sums, axis=1)
    doubt = 1 / (start + 2)
    return float(((1 - doubt) * own + doubt * others).mean())
