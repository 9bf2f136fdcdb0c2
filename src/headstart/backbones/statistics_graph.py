"""A second graph, beside the one that features are read from: what a picture gives each layer.

To be held against what the batch-norm layers remember of pretraining. Runs with `from_timm` in
the process that knows torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from timm.data import ImageNetInfo, infer_imagenet_subset
from torch import Tensor, nn

from headstart.backbones.from_timm import Network
from headstart.backbones.network_graph import Normalised, export
from headstart.images.preprocessing import Preprocessing

_SMALLEST = 1e-12
# Pixels from the side of the picture that count as its border.
_EDGE = 8


def write_statistics(
    network: Network, preprocessing: Preprocessing, graph: Path, record: Path
) -> None:
    """Write the graph and the record of what the network remembers of its pretraining.

    The graph's input is ``pixels`` uint8 [N, H, W, 3]; its outputs, all float32:

    - ``means`` [N, sum of C]: over the positions of the input of every `BatchNorm2d`, channel by
      channel, layers side by side in order of depth; absent where the network has none.
    - ``logits`` [N, K], where it has a classifier.
    - ``affinity`` [N, 1], where that is linear: how near the features are to a class prototype.
    - ``look`` [N, 3]: colour, contrast and unevenness of the border, of the pixels themselves.

    The record is a safetensors file: ``mean`` float32 [sum of C], the running means; as metadata
    the layers (name, number of channels) and the source's class names.
    """
    module = _Statistics(network, preprocessing).eval()
    pixels = torch.zeros((1, preprocessing.size, preprocessing.size, 3), dtype=torch.uint8)
    with torch.no_grad():
        module(pixels)
    export(module, pixels, graph, module.output_names)
    described = {
        "layers": [[name, module.norms[name].num_features] for name in module.layers],
        "classes": _class_names(network),
    }
    means = [module.norms[name].running_mean for name in module.layers]
    mean = torch.cat(means) if means else torch.zeros(0)
    record.write_bytes(save({"mean": mean}, metadata={"record": json.dumps(described)}))


class _Statistics(Normalised):
    """Pixels to what the layers are given; ``layers`` are their names in the order of the pass."""

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        super().__init__(network, preprocessing)
        self.norms: dict[str, Any] = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None
        }
        self.layers: tuple[str, ...] = ()
        self.output_names: tuple[str, ...] = ()

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        classifier = _linear_classifier(self.network)
        outputs = {"look": _look(pixels)}
        with _listening(self.norms, _mean) as means, _listening(classifier) as features:
            logits = self.network(self.normalise(pixels))
        if means:
            outputs["means"] = torch.cat(list(means.values()), 1)
        if getattr(self.network, "num_classes", 0):
            outputs["logits"] = logits
        for name, z in features.items():
            if z.ndim == 2:
                outputs["affinity"] = _affinity(z, classifier[name].weight)
        self.layers, self.output_names = tuple(means), tuple(outputs)
        return tuple(outputs.values())


@contextmanager
def _listening(
    modules: Mapping[str, nn.Module], note: Callable[[Tensor], Any] = lambda x: x
) -> Iterator[dict[str, Any]]:
    """What each module is given during the block, by name, in the order of the pass.

    Noted at once: a later layer may write into the same memory.
    """
    given: dict[str, Any] = {}

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, arguments: given.update({name: note(arguments[0])})

    handles = [module.register_forward_pre_hook(hook(name)) for name, module in modules.items()]
    try:
        yield given
    finally:
        for handle in handles:
            handle.remove()


def _mean(x: Tensor) -> Tensor:
    """Over the positions: [N, C, H, W] to [N, C]."""
    return x.mean((2, 3))


def _affinity(features: Tensor, weight: Tensor) -> Tensor:
    """Largest cosine of the features with a class's row of the classifier: [N, D] to [N, 1].

    Both without their part along the mean row, which every class shares.
    """
    shared = weight.mean(0)
    along = shared / shared.norm().clamp_min(_SMALLEST)
    features = features - (features @ along)[:, None] * along
    prototypes = nn.functional.normalize(weight - shared)
    return (nn.functional.normalize(features) @ prototypes.T).amax(1, keepdim=True)


def _look(pixels: Tensor) -> Tensor:
    """[N, H, W, 3] to [N, 3], each in 0..1.

    Mean difference between a pixel's largest and smallest channel (0: gray) · standard deviation
    of the gray picture · of the gray border (0: one background).
    """
    x = pixels.to(torch.float32) / 255
    gray = x.mean(3)
    edges = gray[:, :_EDGE], gray[:, -_EDGE:], gray[:, :, :_EDGE], gray[:, :, -_EDGE:]
    border = torch.cat([edge.flatten(1) for edge in edges], 1)
    colour = (x.amax(3) - x.amin(3)).mean((1, 2))
    return torch.stack([colour, _spread(gray.flatten(1)), _spread(border)], 1)


def _spread(x: Tensor) -> Tensor:
    """Standard deviation of each row, in plain operations that every graph version has."""
    return (x - x.mean(1, keepdim=True)).square().mean(1).sqrt()


def _linear_classifier(network: Network) -> dict[str, nn.Linear]:
    """The last layer by its name, where there is one and it is linear."""
    find = getattr(network, "get_classifier", None)
    classifier = find() if find else None
    return {"classifier": classifier} if isinstance(classifier, nn.Linear) else {}


def _class_names(network: Network) -> list[str] | None:
    """Short names of ImageNet's classes, where the number of classes says that it is one."""
    if infer_imagenet_subset(network) != "imagenet-1k":
        return None
    return [name.split(",")[0] for name in ImageNetInfo().label_descriptions()]
