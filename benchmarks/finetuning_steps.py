"""Training steps of one kind: ``python benchmarks/finetuning_steps.py plain|all|top1|top2 STEPS``.

Prints pictures a second. Input is random and lies in memory: neither decoding nor the disk counts.
`plain` is the loop of torch's tutorials on the whole network, with the same optimiser, loss and
frozen statistics of normalisation.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headstart.backbones.catalog import DEFAULT
from headstart.backbones.engine import num_cores
from headstart.backbones.loading import request_of
from headstart.finetuning.cutting import cut
from headstart.finetuning.depth import depths_of, first_trained
from headstart.finetuning.inputs import Items
from headstart.finetuning.learner import learner_of
from headstart.finetuning.loop import Training
from headstart.finetuning.network import network_of
from headstart.finetuning.plan import Plan
from headstart.finetuning.recipe import Tuning
from headstart.progress import Silent

_BATCH, _CLASSES, _SIDE = 32, 10, 224


@dataclass(frozen=True)
class Repeated:
    """The same batch, again and again."""

    x: Tensor

    def batches(self, batches: Sequence[Items]) -> Iterator[Tensor]:
        yield from (self.x for _ in batches)

    def blank(self, number: int) -> Tensor:
        return self.x[:number]


def ours(kind: str, network: Any, steps: int) -> float:
    """Seconds of the second epoch; the first warms up."""
    x: Tensor = torch.randn(_BATCH, 3, _SIDE, _SIDE)
    body, tuning = network, Tuning(kind, epochs=2, steps_per_epoch=steps, batch_size=_BATCH)
    if tuning.is_partial:
        parted = cut(network, first_trained(kind, depths_of(network).last), _SIDE)
        assert parted
        trunk, body = parted
        with torch.no_grad():
            x = trunk(x)
    x = x.contiguous(memory_format=torch.channels_last)
    dims = (network.num_features, _CLASSES)
    learner = learner_of(
        network,
        body,
        Repeated(x),
        kind,
        dims,
        dropout=0.2,
        autocast="f32",
        device="cpu",
        rooted=True,
    )
    rows = np.arange(_BATCH)
    with tempfile.TemporaryDirectory() as folder:
        trained = Training(
            learner=learner,
            tuning=tuning,
            plan=Plan(rows, _BATCH, tuning.views, 0, steps),
            y=rows % _CLASSES,
            validation=rows[:0],
            seed=0,
            folder=Path(folder),
            must_stop=lambda: None,
            deadline=math.inf,
            progress=Silent(),
            on_epoch=lambda _record: None,
        ).run()
    first, second = (record["seconds"] for record in trained.state.history)
    return float(second - first)


def plain(network: Any, steps: int) -> float:
    """The whole network, as it comes."""
    head = nn.Linear(network.num_features, _CLASSES)
    model = nn.Sequential(network, head)
    network.reset_classifier(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    x, y = torch.randn(_BATCH, 3, _SIDE, _SIDE), torch.arange(_BATCH) % _CLASSES
    for epoch in range(2):
        began = time.monotonic() if epoch else 0.0
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return time.monotonic() - began


def main() -> None:
    """Measure one kind."""
    kind, steps = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(num_cores())
    torch.manual_seed(0)
    network = network_of(request_of(DEFAULT, None, 0), False, 0)
    seconds = plain(network, steps) if kind == "plain" else ours(kind, network, steps)
    print(_BATCH * steps / seconds)


if __name__ == "__main__":
    main()
