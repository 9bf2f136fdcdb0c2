"""The weights a training starts from: pretrained, with the linear probe as their head.

A head that knows nothing would first spoil the features it is given; it is there to be asked for.

Source:
    Kumar et al. 2022, "Fine-tuning can distort pretrained features", arXiv 2202.10054 (LP-FT).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file, save
from torch import nn

from headstart.files import written_whole
from headstart.finetuning.learner import Learner, Weights, plain
from headstart.finetuning.recipe import Tuning
from headstart.layers import Affine

FILE = "initial.safetensors"


def initial_weights(
    learner: Learner,
    tuning: Tuning,
    train: npt.NDArray[np.int64],
    y: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    folder: Path,
    seed: int,
) -> Weights:
    """Put the initial weights in place and give them; a job that goes on finds them kept.

    Args:
        learner: Whose head is fitted.
        tuning: Says whether there is a probe; else the head is zero.
        train: Rows to fit it on, plain views.
        y: int [N], class indices of all rows.
        groups: int [N], of all rows: what is not judged by its like.
        folder: The job's own.
        seed: For the probe.
    """
    path = folder / FILE
    if path.exists():
        learner.take(load_file(path))
        return learner.weights()
    if tuning.starts_from_zeros:
        nn.init.zeros_(learner.head.weight)
        nn.init.zeros_(learner.head.bias)
    else:
        X = learner.seen(plain(train.tolist()))
        learner.start_from(_probe(X, y[train], groups[train], seed), X)
    initial = learner.weights()
    with written_whole(path) as temporary:
        temporary.write_bytes(save({name: t.contiguous() for name, t in initial.items()}))
    return initial


def _probe(
    X: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    seed: int,
) -> Affine:
    """Softmax regression, its scores divided by their temperature."""
    from headstart.heads.softmax import SoftmaxHead

    head = SoftmaxHead(seed=seed).fit(X, y, groups)
    (layer,) = head.layers_
    assert isinstance(layer, Affine)
    scale = np.float32(1 / head.temperature_)
    return Affine(layer.weight * scale, layer.bias * scale)
