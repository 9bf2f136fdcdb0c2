"""The doorkeeper of h5py: weights of Keras' applications, poured into timm's networks.

Read are ``.h5`` (weights or whole models of Keras 2), ``.weights.h5`` and ``.keras``, with or
without the classifier. Of a file only arrays are read: its configuration is not looked at, and no
layer in it is ever built or run. Layers are told apart by their shapes and matched by their order,
which is how Keras itself reads these files: their names are counters.

Where timm's network computes something else than Keras', it is changed until it does not; what
was changed stands in the backbone's record.

Source:
    keras.applications (Keras 3) for structures, constants and ``preprocess_input``;
    keras.src.saving for the files.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import WeightsError
from headstart.extras import require

SUFFIXES = (".h5", ".hdf5", ".keras")

Array = npt.NDArray[np.float32]
Layers = dict[str, list[list[Array]]]
"""Arrays of each layer that has any, in the model's order, under their kind."""

Network = Any
_KINDS = ("conv", "depthwise", "norm", "dense")
_WHOLE_NAMES = re.compile(r"(.*?)(?:_(\d+))?")
# Names of ResNet50 before Keras 2.2.5, whose layers stand in another order.
_OLD_RESNET = "res2a_branch2a"


@dataclass(frozen=True)
class Family:
    """How a network of timm becomes one of Keras.

    Args:
        places: The network to timm's names of the layers that hold weights, by kind, in Keras'
            order, the classifier last.
        num_top: Of these, how many make up the classifier: all are in the file, or none.
        mean, std: What Keras' ``preprocess_input`` does, RGB on the scale 0 to 255.
        adjust: Changes the network where timm's structure differs.
        adjustments: These changes in words.
    """

    places: Callable[[Network], dict[str, list[str]]]
    num_top: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    adjust: Callable[[Network], None]
    adjustments: tuple[str, ...]


def is_keras(path: Path) -> bool:
    """Whether a weights file is Keras', by the end of its name."""
    return path.suffix in SUFFIXES


def pour(layers: Layers, network: Network, architecture: str, file: str) -> None:
    """Give a network the weights, the structure and the preprocessing that a file was made with.

    Args:
        layers: What `read` found in the file.
        network: timm's, on whatever device; changed.
        architecture: Its name, maybe with a tag.
        file: The file's name, for errors.

    Raises:
        WeightsError: The file is of another network.
    """
    family = FAMILIES.get(architecture.partition(".")[0])
    if family is None:
        raise WeightsError(
            f"{file} is a Keras file, and those are not read for {architecture!r}",
            f"one of {', '.join(FAMILIES)}",
            "name the network the file was made with (--backbone VGG16), or give a .pth or "
            ".safetensors file",
        )
    places = family.places(network)
    if _has_top(layers, places, family, architecture, file):
        num_classes = (layers["dense"] or layers["conv"])[-1][0].shape[-1]
        network.reset_classifier(num_classes)
    elif hasattr(network, "pre_logits"):
        network.prune_intermediate_layers(1, prune_head=True)
    else:
        network.reset_classifier(0)
    family.adjust(network)
    network.load_state_dict(_state(layers, places, network, file), strict=True, assign=True)
    _take_rgb(network, family)
    network.pretrained_cfg = {
        **network.pretrained_cfg,
        "mean": tuple(value / 255 for value in family.mean),
        "std": tuple(value / 255 for value in family.std),
        "crop_mode": "squash",
        "crop_pct": 1.0,
        "interpolation": "bilinear",
        "adjustments": family.adjustments,
    }


def read(path: Path) -> Layers:
    """The layers of a file.

    Raises:
        WeightsError: It is damaged, or holds other layers than these networks have.
        MissingExtra: h5py is not installed.
    """
    h5py = require("h5py", "keras")
    try:
        with _hdf5(path) as file, h5py.File(file, "r") as root:
            layers: Layers = {kind: [] for kind in _KINDS}
            for name, arrays in _stored(root):
                layers[_kind(name, arrays)].append(arrays)
            return layers
    except WeightsError:
        raise
    # What h5py and zipfile raise for damage, and what comes of groups that are not Keras'.
    except (
        OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError,
        zipfile.BadZipFile, zlib.error, EOFError,
    ) as error:  # fmt: skip
        raise _foreign(f"cannot read Keras weights from {path}: {_short(error)}") from error


@contextlib.contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    if path.suffix != ".keras":
        yield path
        return
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
        yield file


def _stored(root: Any) -> Iterator[tuple[str, list[Array]]]:
    """Name and arrays of every layer that has arrays, in the model's order."""
    group = root.get("model_weights", root)
    if "layer_names" in group.attrs:
        names = [_text(name) for name in group.attrs["layer_names"]]
        if _OLD_RESNET in names:
            raise _foreign("this ResNet50 was written by a Keras before 2.2.5")
        found = (
            (name, [group[name][_text(own)] for own in group[name].attrs["weight_names"]])
            for name in names
        )
    else:
        group = root["layers" if "layers" in root else "_layer_checkpoint_dependencies"]
        found = (
            (name, [group[name]["vars"][own] for own in sorted(group[name]["vars"], key=int)])
            for name in sorted(group, key=_counted)
            if "vars" in group[name]
        )
    for name, datasets in found:
        if datasets:
            yield name, [_array(dataset, root) for dataset in datasets]


def _array(dataset: Any, root: Any) -> Array:
    # A file can point into other files, or claim more numbers than it holds.
    elsewhere = dataset.external or dataset.file.filename != root.filename
    if elsewhere or dataset.id.get_storage_size() < dataset.nbytes:
        raise _foreign(f"the values of {dataset.name} are not in the file itself")
    return np.asarray(dataset[()], dtype=np.float32)


def _kind(name: str, arrays: list[Array]) -> str:
    dims = [array.ndim for array in arrays]
    if dims in ([4], [4, 1]):
        return "depthwise" if arrays[0].shape[3] == 1 < arrays[0].shape[2] else "conv"
    if dims in ([1] * 3, [1] * 4):
        return "norm"
    if dims in ([2], [2, 1]):
        return "dense"
    shapes = ", ".join(str(array.shape) for array in arrays[:4])
    raise _foreign(f"layer {name!r} is none that these networks have: its arrays are {shapes}")


def _has_top(
    layers: Layers,
    places: dict[str, list[str]],
    family: Family,
    architecture: str,
    file: str,
) -> bool:
    """Whether the classifier is in the file; raises where it is another network's."""
    found = {kind: len(layers[kind]) for kind in _KINDS}
    full = {kind: len(places.get(kind, ())) for kind in _KINDS}
    top = "dense" if full["dense"] else "conv"
    bare = {**full, top: full[top] - family.num_top}
    if found not in (full, bare):
        raise WeightsError(
            f"{file} holds {_counts(found)}: that is not {architecture!r}",
            f"{_counts(full)} with the classifier, {_counts(bare)} without",
            "name the network the file was made with: --backbone NAME",
        )
    return found == full


def _state(
    layers: Layers, places: dict[str, list[str]], network: Network, file: str
) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {
        name: torch.tensor(0)
        for name in network.state_dict()
        if name.endswith("num_batches_tracked")
    }
    for kind, names in places.items():
        for name, arrays in zip(names, layers[kind], strict=False):
            module = network.get_submodule(name)
            for own, array in _TENSORS[kind](arrays, module).items():
                expected = getattr(module, own).shape
                if array.shape != expected:
                    raise _foreign(
                        f"{file}: the {own} of {name} is {array.shape}, not {tuple(expected)}"
                    )
                state[f"{name}.{own}"] = torch.from_numpy(np.ascontiguousarray(array))
    if "norm" in places:
        _take_biases(layers, places, network, state)
    return state


def _take_biases(
    layers: Layers, places: dict[str, list[str]], network: Network, state: dict[str, Tensor]
) -> None:
    """What Keras adds before a batch norm, and timm does not, its mean takes away."""
    for conv, norm, arrays in zip(places["conv"], places["norm"], layers["conv"], strict=False):
        if len(arrays) == 2 and network.get_submodule(conv).bias is None:
            state[f"{norm}.running_mean"] -= torch.from_numpy(arrays[1])


def _of_conv(arrays: list[Array], module: nn.Module) -> dict[str, Array]:
    """Height, width, in, out: to out, in, height, width; a classifier of 1 x 1 may be linear."""
    kernel = arrays[0].transpose(3, 2, 0, 1)
    if isinstance(module, nn.Linear):
        kernel = kernel[:, :, 0, 0]
    return {"weight": kernel} | _bias(arrays, module)


def _of_depthwise(arrays: list[Array], module: nn.Module) -> dict[str, Array]:
    return {"weight": arrays[0].transpose(2, 3, 0, 1)} | _bias(arrays, module)


def _of_norm(arrays: list[Array], module: nn.Module) -> dict[str, Array]:
    *scale, shift, mean, variance = arrays
    weight = scale[0] if scale else np.ones_like(shift)
    return {"weight": weight, "bias": shift, "running_mean": mean, "running_var": variance}


def _of_dense(arrays: list[Array], module: nn.Module) -> dict[str, Array]:
    """A layer on the flattened map (height, width, channel) is a convolution in timm's VGG."""
    weight: Array = arrays[0].T
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        weight = weight.reshape(len(weight), height, width, -1).transpose(0, 3, 1, 2)
    return {"weight": weight} | _bias(arrays, module)


def _bias(arrays: list[Array], module: nn.Module) -> dict[str, Array]:
    return {"bias": arrays[1]} if getattr(module, "bias", None) is not None else {}


_TENSORS: dict[str, Callable[[list[Array], nn.Module], dict[str, Array]]] = {
    "conv": _of_conv,
    "depthwise": _of_depthwise,
    "norm": _of_norm,
    "dense": _of_dense,
}


def _vgg_places(network: Network) -> dict[str, list[str]]:
    convs = [name for name, one in network.features.named_children() if isinstance(one, nn.Conv2d)]
    return {
        "conv": [f"features.{name}" for name in convs],
        "dense": ["pre_logits.fc1", "pre_logits.fc2", "head.fc"],
    }


def _resnet_places(network: Network) -> dict[str, list[str]]:
    convs, norms = ["conv1"], ["bn1"]
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for number, block in enumerate(network.get_submodule(stage)):
            place = f"{stage}.{number}"
            side = [f"{place}.downsample"] if block.downsample is not None else []
            convs += [f"{place}.conv1", f"{place}.conv2"]
            convs += [*(f"{name}.0" for name in side), f"{place}.conv3"]
            norms += [f"{place}.bn1", f"{place}.bn2"]
            norms += [*(f"{name}.1" for name in side), f"{place}.bn3"]
    return {"conv": convs, "norm": norms, "dense": ["fc"]}


# Keras numbers the layers of a block by how far they are from the block's end.
_INCEPTION_STEM = "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 Conv2d_3b_1x1 Conv2d_4a_3x3"
_INCEPTION_BLOCKS = {
    "5b 5c 5d": "3x3dbl_1 5x5_1 3x3dbl_2 1x1 5x5_2 3x3dbl_3 _pool",
    "6a": "3x3dbl_1 3x3dbl_2 3x3 3x3dbl_3",
    "6b 6c 6d 6e": "7x7dbl_1 7x7dbl_2 7x7_1 7x7dbl_3 7x7_2 7x7dbl_4 1x1 7x7_3 7x7dbl_5 _pool",
    "7a": "7x7x3_1 7x7x3_2 3x3_1 7x7x3_3 3x3_2 7x7x3_4",
    "7b 7c": "3x3dbl_1 3x3_1 3x3dbl_2 3x3_2a 3x3_2b 3x3dbl_3a 3x3dbl_3b 1x1 _pool",
}


def _inception_places(network: Network) -> dict[str, list[str]]:
    units = _INCEPTION_STEM.split() + [
        f"Mixed_{block}.branch{branch}"
        for blocks, branches in _INCEPTION_BLOCKS.items()
        for block in blocks.split()
        for branch in branches.split()
    ]
    return {
        "conv": [f"{unit}.conv" for unit in units],
        "norm": [f"{unit}.bn" for unit in units],
        "dense": ["fc"],
    }


def _mobilenet_places(network: Network) -> dict[str, list[str]]:
    blocks = [
        f"blocks.{stage}.{number}"
        for stage, some in enumerate(network.blocks)
        for number, _ in enumerate(some)
    ]
    return {
        "conv": ["conv_stem", *(f"{block}.conv_pw" for block in blocks), "classifier"],
        "depthwise": [f"{block}.conv_dw" for block in blocks],
        "norm": ["bn1", *(f"{block}.bn{number}" for block in blocks for number in (1, 2))],
    }


def _adjust_nothing(network: Network) -> None:
    pass


def _adjust_resnet(network: Network) -> None:
    for stage in (network.layer2, network.layer3, network.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    _set_epsilon(network, 1.001e-5)


def _adjust_inception(network: Network) -> None:
    for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b", "7c"):
        block = network.get_submodule(f"Mixed_{name}")
        block.branch_pool = _AfterInnerAverage(block.branch_pool)


def _adjust_mobilenet(network: Network) -> None:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            parent, _, own = name.rpartition(".")
            padded = _PaddedAtTheEnd(module, odd_before=name == "conv_stem")
            setattr(network.get_submodule(parent), own, padded)
    _set_epsilon(network, 1e-3)


def _set_epsilon(network: Network, epsilon: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon


def _take_rgb(network: Network, family: Family) -> None:
    """Networks of Caffe take BGR: turning their first kernels round is the same."""
    if family.std == _CAFFE["std"]:
        first = network.get_submodule(network.pretrained_cfg["first_conv"])
        first.weight.data = first.weight.data.flip(1)


class _PaddedAtTheEnd(nn.Conv2d):
    """A convolution of 3 x 3 with a stride of 2, padded on the right and below.

    Args:
        like: timm's, padded all around.
        odd_before: An odd side is padded before as well (Keras' ``"same"``).
    """

    def __init__(self, like: nn.Conv2d, odd_before: bool) -> None:
        super().__init__(
            like.in_channels, like.out_channels, 3, stride=2, groups=like.groups, bias=False
        )
        self.odd_before = odd_before

    def forward(self, x: Tensor) -> Tensor:
        above, left = (int(side) % 2 * self.odd_before for side in x.shape[2:])
        return super().forward(functional.pad(x, (left, 1, above, 1)))


class _AfterInnerAverage(nn.Module):
    """A layer behind an average over 3 x 3 that counted the padding as well: it no longer counts.

    Args:
        layer: timm's convolution, batch norm and activation.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.conv, self.bn = layer.conv, layer.bn

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.avg_pool2d(torch.ones_like(x[:1, :1]), 3, stride=1, padding=1)
        found: Tensor = self.bn(self.conv(x / inside))
        return found


_CAFFE: dict[str, tuple[float, float, float]] = {
    "mean": (123.68, 116.779, 103.939),
    "std": (1.0, 1.0, 1.0),
}
_SIGNED: dict[str, tuple[float, float, float]] = {
    "mean": (127.5, 127.5, 127.5),
    "std": (127.5, 127.5, 127.5),
}
_RGB = "takes RGB: the first convolution's channels are in reverse order"
_VGG = Family(_vgg_places, 3, **_CAFFE, adjust=_adjust_nothing, adjustments=(_RGB,))
_RESNET = Family(
    _resnet_places, 1, **_CAFFE, adjust=_adjust_resnet,
    adjustments=(
        _RGB,
        "a stage's stride is in its first convolution of 1x1",
        "batch norm's epsilon is 1.001e-5",
        "biases before a batch norm are part of its mean",
    ),
)  # fmt: skip
FAMILIES: dict[str, Family] = {
    "vgg16": _VGG,
    "vgg19": _VGG,
    "inception_v3": Family(
        _inception_places, 1, **_SIGNED, adjust=_adjust_inception,
        adjustments=("average pools do not count the padding",),
    ),
    "resnet50": _RESNET,
    "resnet101": _RESNET,
    "resnet152": _RESNET,
    "mobilenetv1_100": Family(
        _mobilenet_places, 1, **_SIGNED, adjust=_adjust_mobilenet,
        adjustments=(
            "convolutions with a stride of 2 are padded on the right and below only",
            "batch norm's epsilon is 0.001",
        ),
    ),
}  # fmt: skip
"""timm's name to how Keras' network of that name is made of it."""


def _counted(name: str) -> tuple[str, int]:
    """``conv2d_10`` comes after ``conv2d_9``, and ``conv2d`` before both."""
    found = _WHOLE_NAMES.fullmatch(name)
    return (found[1], int(found[2] or 0)) if found else (name, 0)


def _counts(found: dict[str, int]) -> str:
    words = {"conv": "convolutions", "depthwise": "depthwise ones", "norm": "batch norms",
             "dense": "dense layers"}  # fmt: skip
    return ", ".join(f"{num} {words[kind]}" for kind, num in found.items() if num) or "no layers"


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _foreign(what: str) -> WeightsError:
    return WeightsError(
        what,
        "a .h5, .weights.h5 or .keras file of a network of keras.applications, by itself",
        "save it again with that network's own save_weights(FILE.weights.h5)",
    )
