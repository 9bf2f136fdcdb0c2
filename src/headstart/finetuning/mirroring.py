"""Whether mirroring hurts, measured: the pictures of digits and text mean something else mirrored.

The frozen classifier is asked about held-out pictures as they are and mirrored. Where it is
significantly less often right about the mirrored ones, mirrored pictures must not be trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart import layers
from headstart.backbones.backbone import Backbone
from headstart.backbones.devices import CPU, engine_on
from headstart.backbones.reading import read_through
from headstart.errors import DatasetError
from headstart.images.decode import Picture
from headstart.images.preprocessing import Preprocessing
from headstart.metrics.comparison import Difference, paired_difference
from headstart.randomness import generator

Features = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# Enough to see a loss of a few points, read in a few seconds.
MOST = 300


@dataclass(frozen=True)
class Mirroring:
    """What mirroring does to the frozen classifier.

    Args:
        upright: Accuracy on the pictures as they are.
        mirrored: Accuracy on the same pictures mirrored.
        difference: Mirrored less upright, paired, with its 95 % interval.
    """

    upright: float
    mirrored: float
    difference: Difference

    @property
    def hurts(self) -> bool:
        """Whether mirrored pictures are recognised significantly less often."""
        return self.difference.high < 0


def rows_to_mirror(num_rows: int, seed: int) -> Integers:
    """At most `MOST` of so many held-out rows, drawn without return: int64, sorted."""
    drawn = generator(seed, "mirroring").permutation(num_rows)[:MOST]
    return np.sort(drawn).astype(np.int64)


def mirrored_features(
    backbone: Backbone,
    paths: Sequence[Path],
    taps: tuple[str, ...] | None = None,
    threads: int | None = None,
    device: str = CPU,
) -> dict[str, Features]:
    """Features of pictures mirrored left and right.

    Args:
        backbone: Whose features.
        paths: Pictures that were read before: N.
        taps: Names of the taps wanted; None: all of them.
        threads: Processor cores to use; None: all of them.
        device: Where the network is run, as for `devices.device_of`.

    Returns:
        float32 [N, D] by tap.

    Raises:
        DatasetError: One cannot be read any more.
    """
    names = taps or backbone.tap_names
    engine = engine_on(device, backbone.graph, names, threads, backbone.precision)
    preprocessing = _Mirrored(**vars(backbone.preprocessing))
    outcomes = read_through(paths, engine, preprocessing, threads=2 * threads if threads else None)
    rows = []
    for path, outcome in zip(paths, outcomes, strict=True):
        if outcome.failure is not None:
            raise DatasetError(
                f"a picture cannot be used any more: {path} ({outcome.failure})",
                "pictures that stay as they are during a run",
                "run the same command again",
            ) from outcome.failure
        assert outcome.outputs is not None
        rows.append(outcome.outputs)
    return {name: np.stack([row[name] for row in rows]) for name in names}


def flip_hurts(
    head_layers: Sequence[layers.Layer],
    upright: Features,
    mirrored: Features,
    y: Integers,
    groups: npt.NDArray[Any] | None = None,
    seed: int = 0,
) -> Mirroring:
    """Judge a fitted head on held-out pictures as they are and mirrored.

    Args:
        head_layers: Of a head that has not seen these pictures.
        upright: float32 [N, D], features of the pictures.
        mirrored: float32 [N, D], features of the same pictures mirrored.
        y: int [N], class indices.
        groups: [N], rows that belong together; None if each stands alone.
        seed: The run's seed.
    """
    right, still = (
        layers.run(head_layers, features).argmax(axis=1) == y for features in (upright, mirrored)
    )
    difference = paired_difference(still, right, groups, seed)
    return Mirroring(float(right.mean()), float(still.mean()), difference)


class _Mirrored(Preprocessing):
    """The same preprocessing, but left and right change places at its end."""

    def pixels(self, picture: Picture) -> npt.NDArray[np.uint8]:
        return super().pixels(picture)[:, ::-1]
