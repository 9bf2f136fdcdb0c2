"""The network as torch users load it, and the pictures as torchvision's documentation shows."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torchvision import transforms


def eager(architecture: str, weights: str) -> Any:
    """Images float32 [N, 3, 224, 224] to features [N, D]."""
    network = timm.create_model(architecture, num_classes=0).eval()
    missing, _ = network.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    assert not missing
    return network


def to_tensor() -> Any:
    """A Pillow image to float32 [3, 224, 224]."""
    return transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )
