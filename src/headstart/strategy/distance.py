"""How far pictures are from a network's pretraining, without labels and without its pictures.

For every batch-norm layer and channel, the mean that the network kept is held against what the
pictures give it: how far their centre has moved, against how much they differ among themselves.
``d = (mean - kept mean)^2 / variance between the pictures``. A layer's distance is the logarithm
of the median channel's d; the score is the mean over layers: lower is more similar. Beyond `LINE`
the mean that was kept is no longer among the middle half of the pictures. A network without batch
norm keeps one thing of its pretraining, the prototypes of its classes: its score is
``log(1 - mean affinity)``, for which no such line is known.

In their own spread, because photographs of one subject lie off the centre of all photographs and
still among them; measured in the spread of pretraining, skies were further off than brain scans.

Few pictures look further off than many of the same kind, because what is noise in their means
counts as distance. The bootstrap says by how much, and the score is without it.

Source: batch-norm statistics as a measure of shift follow arXiv 2107.00191; the prototypes are the
rows of the network's own classifier; bias and basic interval from the bootstrap are those of
Davison and Hinkley 1997, sections 2.1.3 and 5.2.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.backbones.statistics import PictureStatistics, Pretraining
from headstart.randomness import generator

Numbers = npt.NDArray[np.float64]

THIRDS = ("early", "middle", "late")
BATCH_NORM, PROTOTYPES = "batch norm", "prototypes"
# Half of what is drawn from a normal distribution lies within 0.6745 of its spread.
LINE = 2 * math.log(0.6745)
# Raise it when the same pictures give another score: reference tables must be measured again.
MEASURE = 2
_RESAMPLES = 200
_HALVES = 10
_LEVEL = 0.95
# Keeps logarithms finite, where pictures are all alike and where nothing has moved.
_TINY = 1e-9


@dataclass(frozen=True)
class Distance:
    """How far, and how sure.

    Args:
        score: Mean over the layers; lower is more similar.
        interval: Meant to hold in 95 % of cases, from resampled pictures; 87 to 100 % in trials.
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
        measured_by, layers = BATCH_NORM, layer_distances(statistics.means, source, weights)
        thirds = _thirds(2 * layers[0] - layers[1 : 1 + _RESAMPLES].mean(axis=0))
    elif statistics.affinity is not None:
        measured_by, layers = PROTOTYPES, affinity_distance(statistics.affinity, weights)
        thirds = {}
    else:
        return None
    score, resampled, halves = np.split(layers.mean(axis=1), [1, 1 + _RESAMPLES])
    halves = halves.reshape(_HALVES, 2)
    low, high = 2 * score - np.quantile(resampled, [(1 + _LEVEL) / 2, (1 - _LEVEL) / 2])
    return Distance(
        score=float(2 * score[0] - resampled.mean()),
        interval=(float(low), float(high)),
        thirds=thirds,
        noise=float(np.abs(halves[:, 0] - halves[:, 1]).mean()),
        measured_by=measured_by,
    )


def layer_distances(
    means: npt.NDArray[np.float32], source: Pretraining, weights: Numbers
) -> Numbers:
    """The logarithm of each layer's distance, for each way of weighing the pictures.

    Args:
        means: float32 [N, sum of C], what each picture gives.
        source: Whose L layers.
        weights: float64 [B, N], rows that sum to 1: a resample of the pictures, or all of them.

    Returns:
        float64 [B, L].
    """
    layers = np.empty((len(weights), len(source.layers)))
    for index, layer in enumerate(source.layers):
        given = means[:, layer.channels].astype(np.float64)
        centre = given.mean(axis=0)
        given -= centre  # so that nothing cancels where the mean is large beside the spread
        moved = weights @ given
        spread = np.maximum(weights @ given**2 - moved**2, 0)
        shift = (moved + centre - source.mean[layer.channels]) ** 2
        # A channel that is always the same is far off, unless it gives what was kept.
        channels = shift / np.maximum(spread, _TINY * np.maximum(shift, _TINY))
        layers[:, index] = np.log(np.median(channels, axis=1) + _TINY)
    return layers


def _thirds(layers: Numbers) -> dict[str, float]:
    parts = np.array_split(layers, len(THIRDS))
    return {name: float(part.mean()) for name, part in zip(THIRDS, parts, strict=True)}


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
