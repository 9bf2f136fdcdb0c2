"""Writes a network's graph: pixels in, features at its taps out. Runs with `from_timm`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.from_timm import Network, quiet, stage_records
from headstart.backbones.request import AVERAGE, PLAIN, POOLINGS, TTA
from headstart.errors import SettingError
from headstart.images.preprocessing import Preprocessing

_OPSET = 17
_MOST_TAPS = 4


def write_graph(
    network: Network,
    preprocessing: Preprocessing,
    path: Path,
    pooling: tuple[str, ...] = (AVERAGE,),
    beside: tuple[Network, Preprocessing] | None = None,
    tta: str = PLAIN,
) -> list[dict[str, Any]]:
    """Write the ONNX graph of a network, or of two side by side; returns its taps by depth.

    Input ``pixels`` uint8 [N, H, W, 3]; outputs one float32 [N, D] a tap, and ``logits`` where
    the network has a classifier.

    Raises:
        SettingError: The two networks have other taps.
    """
    one = _Graph(network, preprocessing, pooling, tta)
    graph = (_SideBySide(one, _Graph(*beside, pooling, tta)) if beside else one).eval()
    pixels = torch.zeros((2, preprocessing.size, preprocessing.size, 3), dtype=torch.uint8)
    with torch.no_grad():
        outputs = graph(pixels)
    dims = [output.shape[1] for output in outputs]
    names = graph.output_names
    export(graph, pixels, path, names)
    return [
        {"name": name, "dim": dim}
        for name, dim in zip(names, dims, strict=True)
        if name != "logits"
    ]


def export(module: nn.Module, pixels: Tensor, path: Path, names: tuple[str, ...]) -> None:
    """Write a module as ONNX: ``pixels`` uint8 [N, H, W, 3] in, outputs of these names out."""
    # The wrapper alone is said to train, nothing in it. Only so does the exporter leave every
    # weight in the file under its own name, and a saved classifier can give its network back.
    module.training = True
    quiet(
        lambda: torch.onnx.export(
            module,
            (pixels,),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["pixels"],
            output_names=list(names),
            dynamic_axes={name: {0: "N"} for name in ("pixels", *names)},
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    )


class Normalised(nn.Module):
    """A network that is given pixels: the normalisation is part of the graph."""

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network: Network = network
        self.mean = nn.Buffer(torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.std = nn.Buffer(torch.tensor(preprocessing.std).view(1, 3, 1, 1))

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 [N, H, W, 3] to what the network expects, float32 [N, 3, H, W]."""
        return (pixels.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / self.std


class _Graph(Normalised):
    """Pixels to pooled features at every tap."""

    def __init__(
        self, network: Network, preprocessing: Preprocessing, pooling: tuple[str, ...], tta: str
    ) -> None:
        super().__init__(network, preprocessing)
        self.views = TTA[tta]
        self.indices, stages = _stages(network)
        self.pooling = [_POOLING[way] for way in pooling if way != AVERAGE]
        pooled = [POOLINGS[way] for way in pooling if way != AVERAGE]
        logits = ("logits",) if getattr(network, "num_classes", 0) else ()
        self.output_names: tuple[str, ...] = (*stages, *pooled, "head", *logits)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        if len(self.views) == 1:
            return self._outputs(pixels)
        seen = torch.cat([_turned(pixels, view) for view in self.views])
        return tuple(_mean_over(len(self.views), output) for output in self._outputs(seen))

    def _outputs(self, pixels: Tensor) -> tuple[Tensor, ...]:
        last, stages = self._features(self.normalise(pixels))
        head = self.network.forward_head(last, pre_logits=True)
        head = head if head.ndim == 2 else head.mean(_positions(head))
        grid = _grid(self.network, last)
        outputs = [*map(_mean_and_spread, stages), *(pool(grid) for pool in self.pooling), head]
        if "logits" in self.output_names:
            outputs.append(self.network.forward_head(last))
        return tuple(outputs)

    def _features(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        if not self.indices:
            return self.network.forward_features(x), []
        more = {"extra_blocks": True} if _has_stages_of_blocks(self.network) else {}
        last, stages = self.network.forward_intermediates(x, indices=self.indices, **more)
        return last, stages


def _turned(pixels: Tensor, view: int) -> Tensor:
    """A view of `request.TTA`, of pictures [N, H, W, 3]."""
    pixels = pixels.transpose(1, 2) if view & 4 else pixels
    axes = [axis for bit, axis in ((1, 2), (2, 1)) if view & bit]
    return pixels.flip(axes) if axes else pixels


def _mean_over(num_views: int, values: Tensor) -> Tensor:
    """[V * N, D], view by view, to [N, D]."""
    return values.reshape(num_views, -1, int(values.shape[1])).mean(0)


class _SideBySide(nn.Module):
    """Each tap holds the features of the first network, then those of the second."""

    def __init__(self, first: _Graph, second: _Graph) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.output_names = tuple(name for name in first.output_names if name != "logits")
        if self.output_names != tuple(name for name in second.output_names if name != "logits"):
            raise SettingError(
                f"the networks have other depths: {', '.join(first.output_names)}; "
                f"{', '.join(second.output_names)}",
                "two networks of one family",
                "put two of a kind side by side, as efficientnet_lite0+efficientnet_lite2",
            )

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        outputs = zip(self.output_names, self.first(pixels), self.second(pixels), strict=False)
        return tuple(torch.cat((one, other), dim=1) for _, one, other in outputs)


def _stages(network: Network) -> tuple[list[int], tuple[str, ...]]:
    """Which intermediate outputs are taps.

    The middle and late stages of an EfficientNet; else four at equal distances, the last included.
    """
    if _has_stages_of_blocks(network):
        total = len(network.blocks)
        chosen = list(range(round(total * 3 / 7), total + 1))
        return chosen, tuple(f"stage{index}" for index in chosen)
    total = len(stage_records(network))
    if not hasattr(network, "forward_intermediates") or not total:
        return [], ()
    most = min(_MOST_TAPS, total)
    chosen = sorted({round(total * (k + 1) / most) - 1 for k in range(most)})
    return chosen, tuple(f"stage{index + 1}" for index in chosen)


def _has_stages_of_blocks(network: Network) -> bool:
    return hasattr(network, "stage_ends") and hasattr(network, "conv_head")


def _mean_and_spread(features: Tensor) -> Tensor:
    """Over the positions of [N, C, H, W] or [N, tokens, C]: every channel's mean, then its spread.

    The standard deviation tells what is everywhere from what is somewhere: texture, a crack.
    """
    positions = _positions(features)
    mean = features.mean(positions, keepdim=True)
    # The plain way, in two passes: of the mean square less the squared mean little would be left.
    spread = (features - mean).square().mean(positions).sqrt()
    return torch.cat((mean.flatten(1), spread), 1)


def _positions(features: Tensor) -> tuple[int, ...]:
    """The axes of positions."""
    return (2, 3) if features.ndim == 4 else (1,)


def _grid(network: Network, last: Tensor) -> Tensor:
    """The final feature map, positions in the middle: [N, positions, C] or [N, H, W, C]."""
    if last.ndim == 3:
        return last[:, getattr(network, "num_prefix_tokens", 0) :]
    channels_last = str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")
    return last if channels_last else last.permute(0, 2, 3, 1)


_POOLING: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda grid: grid.flatten(1, -2).amax(1),
    "flatten": lambda grid: grid.flatten(1),
}
