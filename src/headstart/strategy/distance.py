"""How far pictures are from a network's pretraining, without labels and without its pictures.

For every batch-norm layer and channel, the mean and spread of what the pictures give it are held
against the running statistics that the network kept:
``d = (mean - kept mean)^2 / kept std^2 + (std / kept std - 1)^2``. A layer's distance is the
logarithm of the median channel's d; the score is the mean over layers: lower is more similar.
A network without batch norm keeps one thing of its pretraining, the prototypes of its classes:
its score is ``log(1 - mean affinity)``.

Source: batch-norm statistics as a measure of shift follow arXiv 2107.00191; the prototypes are the
rows of the network's own classifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.backbones.statistics import PictureStatistics, Pretraining
from headstart.randomness import generator

Numbers = npt.NDArray[np.float64]

THIRDS = ("early", "middle", "late")
_RESAMPLES = 300
_HALVES = 20
_LEVEL = 0.95
# Keeps the logarithm finite where pictures and pretraining agree to the last bit.
_TINY = 1e-9


@dataclass(frozen=True)
class Distance:
    """How far, and how sure.

    Args:
        score: Mean over the layers; lower is more similar.
        interval: 95 %, from resampled pictures.
        thirds: The same over the early, middle and late layers; empty without batch norm.
        noise: By how much the scores of two random halves of the pictures differ, on average: a
            difference below it says nothing.
        measured_by: ``"batch norm"`` or ``"prototypes"``.
    """

    score: float
    interval: tuple[float, float]
    thirds: dict[str, float]
    noise: float
    measured_by: str


def distance(statistics: PictureStatistics, source: Pretraining, seed: int) -> Distance | None:
    """The distance of the pictures; None where the network keeps nothing to hold them against."""
    num = len(statistics)
    random = generator(seed, "similarity.distance")
    everything = np.full((1, num), 1 / num)
    weights = np.concatenate([everything, _resamples(num, random), _halves(num, random)])
    if statistics.means is not None and len(source.layers) >= len(THIRDS):
        measured_by, layers = "batch norm", layer_distances(statistics, source, weights)
        split = np.array_split(layers[0], len(THIRDS))
        thirds = {name: float(part.mean()) for name, part in zip(THIRDS, split, strict=True)}
    elif statistics.affinity is not None:
        measured_by, layers = "prototypes", affinity_distance(statistics.affinity, weights)
        thirds = {}
    else:
        return None
    scores = layers.mean(axis=1)
    halves = scores[1 + _RESAMPLES :].reshape(_HALVES, 2)
    return Distance(
        score=float(scores[0]),
        interval=_interval(scores[0], scores[1 : 1 + _RESAMPLES]),
        thirds=thirds,
        noise=float(np.abs(halves[:, 0] - halves[:, 1]).mean()),
        measured_by=measured_by,
    )


def layer_distances(
    statistics: PictureStatistics, source: Pretraining, weights: Numbers
) -> Numbers:
    """The logarithm of each layer's distance, for each way of weighing the pictures.

    Args:
        statistics: Of N pictures; its means must be there.
        source: Whose L layers.
        weights: float64 [B, N], rows that sum to 1: a resample of the pictures, or all of them.

    Returns:
        float64 [B, L].
    """
    assert statistics.means is not None
    assert statistics.squares is not None
    layers = np.empty((len(weights), len(source.layers)))
    for index, layer in enumerate(source.layers):
        columns = layer.channels
        mean = weights @ statistics.means[:, columns].astype(np.float64)
        square = weights @ statistics.squares[:, columns].astype(np.float64)
        std = np.sqrt(np.maximum(square - mean**2, 0))
        kept_mean = source.mean[columns].astype(np.float64)
        kept_std = source.std[columns].astype(np.float64)
        channels = ((mean - kept_mean) / kept_std) ** 2 + (std / kept_std - 1) ** 2
        layers[:, index] = np.log(np.median(channels, axis=1) + _TINY)
    return layers


def affinity_distance(affinity: npt.NDArray[np.float32], weights: Numbers) -> Numbers:
    """The same from prototypes: affinity float32 [N], weights [B, N], to float64 [B, 1]."""
    return np.log(np.maximum(1 - weights @ affinity.astype(np.float64), _TINY))[:, None]


def _resamples(num: int, random: np.random.Generator) -> Numbers:
    return random.multinomial(num, np.full(num, 1 / num), size=_RESAMPLES) / num


def _halves(num: int, random: np.random.Generator) -> Numbers:
    """Pairs of rows: one half of the pictures, and the other."""
    rows = np.zeros((2 * _HALVES, num))
    for pair in range(_HALVES):
        order = random.permutation(num)
        for side, part in enumerate(np.array_split(order, 2)):
            rows[2 * pair + side, part] = 1 / len(part)
    return rows


def _interval(score: float, resampled: Numbers) -> tuple[float, float]:
    # A resample is noisier than the pictures themselves, and noise is distance: its scores lie
    # higher as a whole. Their spread is right, their place is not.
    tails = np.quantile(resampled - resampled.mean(), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(score + tails[0]), float(score + tails[1])
