"""From the backbone's weights to a network that can learn, and from there to a graph again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from headstart.backbones import from_timm
from headstart.backbones.building import GRAPH, GRAPH_VERSION, RECORD
from headstart.backbones.network_graph import write_graph
from headstart.backbones.request import Request
from headstart.files import canonical_json, folder_written_whole, readable_json, sha256
from headstart.images.preprocessing import Preprocessing


def network_of(request: Request, scratch: bool, seed: int) -> Any:
    """The network in inference mode.

    Args:
        request: Which, with which weights.
        scratch: Random weights instead.
        seed: For them.
    """
    return from_timm.network_of(
        replace(request, weights="random", seed=seed) if scratch else request
    )


def write_tuned(
    network: Any, body: Any, record: dict[str, Any], tuning: dict[str, Any], folder: Path
) -> None:
    """The tuned network as a backbone: its graph and its record.

    Args:
        network: The whole network; takes the tuned weights.
        body: It, or its tail.
        record: Of the backbone before.
        tuning: The recipe, for the record.
        folder: Where to; put in place whole.
    """
    if body is not network:
        network.load_state_dict(body.state_dict(), strict=False)
    network.eval().to("cpu", memory_format=torch.contiguous_format)
    # What its old classifier says of the new features means nothing.
    network.num_classes = 0
    preprocessing = Preprocessing.from_json(record["preprocessing"])
    with folder_written_whole(folder) as temporary:
        taps = write_graph(network, preprocessing, temporary / GRAPH, tta=record["tta"])
        made_of = {
            "version": GRAPH_VERSION,
            "architecture": record["architecture"],
            "weights": from_timm.digest_of(network),
            "preprocessing": record["preprocessing"],
            "taps": taps,
        }
        changed = {
            **record,
            "weights": f"{record['weights']}; fine-tuned ({tuning['train_from']})",
            "taps": taps,
            "fingerprint": sha256(canonical_json(made_of).encode()),
        }
        (temporary / RECORD).write_text(readable_json(changed))
