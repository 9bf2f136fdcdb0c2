"""Which layers stand where: a network's stages from the pixels to the features.

timm knows this of every network it builds (``group_matcher``, made for learning rates that decay
with the depth): 0 is the stem, 1 to K are the stages, what is behind the last belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timm.models import group_parameters
from torch import nn

from headstart.errors import SettingError

_NORMALISATIONS = ("norm", "bn")


@dataclass(frozen=True)
class Depths:
    """The stage of every parameter of a network.

    Args:
        of: Stage by the parameter's name; the network's own classifier is not among them.
        last: K.
    """

    of: dict[str, int]
    last: int


def depths_of(network: Any) -> Depths:
    """The stages as timm groups them; a network that timm does not group has one."""
    own = _classifier_names(network)
    names = [name for name, _ in network.named_parameters() if name not in own]
    try:
        groups = group_parameters(network, network.group_matcher(coarse=True), reverse=True)
    except (AttributeError, AssertionError, TypeError, NotImplementedError):
        return Depths(dict.fromkeys(names, 1), 1)
    found = {name: int(groups[name]) for name in names}
    # Layers that no pattern names are put behind the classifier; they belong to the last stage.
    last = max((depth for depth in found.values() if depth < max(groups.values())), default=1)
    return Depths({name: min(depth, last) for name, depth in found.items()}, last)


def first_trained(train_from: str, last: int) -> int:
    """The first stage that learns; 0 for all.

    Raises:
        SettingError: The network has fewer stages.
    """
    if train_from in ("affine", "all", "scratch"):
        return 0
    number = int(train_from.removeprefix("top").removeprefix("stage"))
    if number > last:
        raise SettingError(
            f"train_from is {train_from!r}, but this network has {last} stages",
            f"top1 to top{last}, or stage1 to stage{last}",
            "--train-from all trains every stage",
        )
    return number if train_from.startswith("stage") else last + 1 - number


def trained_names(network: Any, train_from: str) -> dict[str, int]:
    """The parameters that learn, each with its stage."""
    depths = depths_of(network)
    first = first_trained(train_from, depths.last)
    wanted = _affine_names(network) if train_from == "affine" else set(depths.of)
    # A pretrained stem is general and costs the most to train.
    lowest = 1 if train_from == "all" else first
    return {name: depth for name, depth in depths.of.items() if depth >= lowest and name in wanted}


def _affine_names(network: Any) -> set[str]:
    """Scale and shift of every normalisation, by the kind of layer."""
    found = set()
    for name, module in network.named_modules():
        kind = type(module).__name__.lower()
        if any(word in kind for word in _NORMALISATIONS):
            found |= {f"{name}.{own}" for own, _ in module.named_parameters(recurse=False)}
    return found


def _classifier_names(network: Any) -> set[str]:
    """Parameters of the network's own last layer, which the new head takes the place of."""
    classifier = network.get_classifier()
    modules = classifier if isinstance(classifier, tuple) else (classifier,)
    own = {
        id(p) for module in modules if isinstance(module, nn.Module) for p in module.parameters()
    }
    return {name for name, parameter in network.named_parameters() if id(parameter) in own}
