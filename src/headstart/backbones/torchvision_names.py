"""Names of torchvision's checkpoints, turned into timm's.

Where they differ: ResNets do not. A strict load proves the mapping, and the tests hold the outputs
of both against each other.

Source: torchvision.models; the filters in timm.models.vgg and timm.models.densenet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

# Networks of which timm keeps every tensor in torchvision's order under other names, and computes
# the same with them. Not MobileNetV3 and EfficientNet-B5 on: their batch norm has another epsilon.
_IN_ORDER = ("mobilenetv2_100", *(f"efficientnet_b{number}" for number in range(5)))
_AUXILIARY = "AuxLogits."
_VGG = {
    "classifier.0": "pre_logits.fc1",
    "classifier.3": "pre_logits.fc2",
    "classifier.6": "head.fc",
}
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


def to_timm(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], architecture: str
) -> dict[str, Tensor]:
    """The same tensors under timm's names; those of other origin as they are.

    Args:
        state: By the file's names.
        expected: What timm's network holds.
        architecture: timm's name of it.
    """
    # The second classifier of an Inception helps in training only.
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(_AUXILIARY)}
    if architecture.partition(".")[0] in _IN_ORDER and "features.0.0.weight" in kept:
        return (
            dict(zip(expected, kept.values(), strict=False)) if len(kept) == len(expected) else kept
        )
    if "pre_logits.fc1.weight" in expected and "classifier.0.weight" in kept:
        return dict(_of_vgg(name, tensor, expected) for name, tensor in kept.items())
    return {_OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in kept.items()}


def _of_vgg(name: str, tensor: Tensor, expected: Mapping[str, Tensor]) -> tuple[str, Tensor]:
    """What is linear on the flattened map (channel, height, width) is a convolution in timm."""
    layer, _, own = name.rpartition(".")
    name = f"{_VGG.get(layer, layer)}.{own}"
    if name in expected and expected[name].ndim == 4 and tensor.ndim == 2:
        tensor = tensor.reshape(len(tensor), *expected[name].shape[1:])
    return name, tensor
