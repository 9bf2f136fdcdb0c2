"""The doorkeeper of timm: a pretrained network, as torch has it, and what its record says.

Runs in a process of its own (see `building`), so that torch's memory and threads are gone before
the pictures are read.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import constants
from huggingface_hub.utils import get_session
from torch import Tensor

from headstart.backbones import keras_files, lite_names, torchvision_names
from headstart.backbones.request import Request
from headstart.errors import SettingError, WeightsError
from headstart.images.preprocessing import Preprocessing

_HUB_SECONDS = 5.0
State = dict[str, Tensor]
# timm's networks have more methods than torch's type knows of.
Network = Any


def network_of(request: Request) -> Network:
    """The network that a request describes, in inference mode and set to its size of pictures.

    Raises:
        SettingError: timm knows no such network, or it cannot take pictures of that size.
        WeightsError: The weights are not at hand, damaged, or do not fit.
    """
    if request.weights == "hub":
        network = download(request.architecture)
    elif keras_files.is_keras(Path(request.weights)):
        network = _with_keras_weights(request.architecture, Path(request.weights))
    else:
        state = None if request.weights == "random" else read_state(Path(request.weights))
        network = create(request.architecture, state, request.seed)
    set_input_size(network, request.input_size)
    return network


def create(architecture: str, state: State | None, seed: int) -> Network:
    """A network in inference mode.

    Args:
        architecture: timm's name, with or without a tag.
        state: Its weights; None draws random ones.
        seed: For random weights.

    Raises:
        SettingError: timm knows no such network.
        WeightsError: The weights do not fit it.
    """
    _must_exist(architecture)
    torch.manual_seed(seed)
    if state is None:
        return quiet(lambda: timm.create_model(architecture, pretrained=False)).eval()
    return _with_state(architecture, state)


def download(architecture: str) -> Network:
    """A network with timm's pretrained weights, fetched or from the hub's cache.

    Raises:
        SettingError: timm knows no such network, or has no weights for it.
        WeightsError: They could not be fetched.
    """
    _must_exist(architecture)
    if not timm.models.is_model_pretrained(architecture):
        raise SettingError(
            f"timm has no pretrained weights for {architecture!r}",
            "a network with pretrained weights",
            "headstart backbones; or give a file with --weights FILE",
        )
    reached = _hub_is_reached()
    try:
        return quiet(lambda: timm.create_model(architecture, pretrained=True)).eval()
    except Exception as error:  # whatever the hub's client raises: the answer is the same
        why = type(error).__name__ if reached else "no answer from the model hub"
        raise WeightsError(
            f"the pretrained weights of {architecture!r} are not on this machine and could not be "
            f"fetched ({why})",
            "a network connection, or the weights in a file",
            "use a backbone that needs no network (headstart backbones), or fetch the file "
            f"elsewhere and pass --weights FILE (timm's record: {_url(architecture)})",
        ) from error


def _hub_is_reached() -> bool:
    """Ask once. Without an answer the client, which would try for a minute, uses its cache."""
    if not constants.HF_HUB_OFFLINE:
        try:
            get_session().head(constants.ENDPOINT, timeout=_HUB_SECONDS)
            return True
        except Exception:  # the kinds depend on the client's own client
            constants.HF_HUB_OFFLINE = True
    return False


def read_state(path: Path) -> State:
    """Tensors of a ``.safetensors``, ``.pth`` or ``.pt`` file; no code in it is run.

    Raises:
        WeightsError: The file is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no weights file at {path}", "a .safetensors, .pth or .pt file", "")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or unsafe file
        raise WeightsError(
            f"cannot read weights from {path}: it is damaged, or holds more than plain tensors",
            "a .safetensors file, or a .pth of plain tensors (read with weights_only)",
            "save it again with safetensors.torch.save_file(model.state_dict(), ...)",
        ) from error
    return _unwrap(state)


def set_input_size(network: Network, size: int | None) -> None:
    """Make a network ready for square pictures of another size than its record's.

    Position embeddings are resampled. The fully connected layers of a VGG fit one size of feature
    map only, and are left out at any other, as Keras does it.

    Raises:
        SettingError: The network cannot take them.
    """
    record: dict[str, Any] = network.pretrained_cfg
    native = int(record["input_size"][-1])
    if size is None or size == native:
        return
    if record.get("fixed_input_size") and not hasattr(network, "set_input_size"):
        raise _wrong_size(network, size, f"exactly {native}: it is made for this one size")
    smallest = max((stage["reduction"] for stage in stage_records(network)), default=1)
    if size < smallest:
        raise _wrong_size(network, size, f"{smallest} or more, so that its last stage sees a pixel")
    try:
        if record.get("fixed_input_size"):
            quiet(lambda: network.set_input_size(img_size=(size, size)))
        with torch.no_grad():
            shape = network.forward_features(torch.zeros(1, 3, size, size)).shape
    except (RuntimeError, AssertionError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise _wrong_size(
            network, size, f"a larger size, or one that its stages divide ({why})"
        ) from error
    if _kernel_of_top(network) not in (None, shape[-1]):
        _remove_top(network)
    network.pretrained_cfg = {**record, "input_size": (3, size, size)}


def preprocessing_of(network: Network) -> Preprocessing:
    """What the weights' own record says pictures must go through.

    Raises:
        SettingError: Something that `Preprocessing` does not do.
    """
    record: dict[str, Any] = network.pretrained_cfg
    _, height, size = (int(value) for value in record["input_size"])
    mode = record.get("crop_mode", "center")
    if height != size or mode not in ("center", "squash"):
        raise SettingError(
            f"these weights expect {height}x{size} pixels cut out by {mode!r}",
            "a square, cut from the centre: what this version prepares pictures for",
            "choose another backbone (headstart backbones)",
        )
    return Preprocessing(
        size=size,
        resize=math.floor(size / float(record.get("crop_pct") or 1.0)),
        interpolation="bilinear" if record.get("interpolation") == "bilinear" else "bicubic",
        mean=_thrice(record["mean"], 255),
        std=_thrice(record["std"], 255),
        crop=mode == "center",
    )


def licence_of(network: Network) -> str:
    """The weights' licence, as their record gives it."""
    return str(network.pretrained_cfg.get("license") or "not stated")


def adjustments_of(network: Network) -> tuple[str, ...]:
    """What was changed in timm's network so that it computes what its weights were trained in."""
    return tuple(network.pretrained_cfg.get("adjustments", ()))


def digest_of(*networks: Network) -> str:
    """Digest of every tensor of one network, or of several."""
    digest = hashlib.sha256()
    for each in networks:
        for name, tensor in sorted(each.state_dict().items()):
            digest.update(name.encode())
            digest.update(str((tensor.dtype, tuple(tensor.shape))).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def blueprint_of(network: Network) -> dict[str, Any]:
    """What a network is besides its weights: where they go, and what timm writes of it."""
    record: dict[str, Any] = network.pretrained_cfg
    return {
        "shapes": {name: list(one.shape) for name, one in network.state_dict().items()},
        "classifier": record.get("classifier"),
        "first_conv": record.get("first_conv"),
        "fixed_input_size": bool(record.get("fixed_input_size")),
        "num_features": int(network.num_features),
    }


def stage_records(network: Network) -> list[dict[str, Any]]:
    """What timm says of each stage, the first one first; nothing where it says nothing."""
    return list(getattr(network, "feature_info", None) or [])


def _kernel_of_top(network: Network) -> int | None:
    """Side of the feature map that a VGG's fully connected layers take; None: it has none."""
    return getattr(getattr(network, "pre_logits", None), "input_kernel_size", None)


def _remove_top(network: Network) -> None:
    network.prune_intermediate_layers(1, prune_head=True)


def _wrong_size(network: Network, size: int, expected: str) -> SettingError:
    return SettingError(
        f"{network.pretrained_cfg['architecture']} cannot take pictures of {size}x{size} pixels",
        expected,
        "choose another --input-size, or leave it out",
    )


def _with_state(architecture: str, state: State) -> Network:
    network = quiet(lambda: timm.create_model(architecture, pretrained=False))
    if lite_names.is_lite(state):
        state = lite_names.to_timm(state, [len(stage) for stage in network.blocks])
    else:
        state = torchvision_names.to_timm(state, network.state_dict(), architecture)
    if _kernel_of_top(network) and not any(name.startswith("pre_logits.") for name in state):
        _remove_top(network)
    classifier = f"{network.pretrained_cfg['classifier']}.weight"
    num_classes = len(state[classifier]) if classifier in state else 0
    if num_classes != network.num_classes:
        network.reset_classifier(num_classes)
    try:
        network.load_state_dict(state, strict=True)
    except RuntimeError as error:
        wrong = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"the weights do not fit {architecture!r}: {wrong}",
            f"every tensor of {architecture!r}, and no other",
            "name the network the weights were trained with: --backbone NAME",
        ) from error
    return network.eval()


def _with_keras_weights(architecture: str, path: Path) -> Network:
    _must_exist(architecture)
    layers = keras_files.read(path)
    with torch.device("meta"):  # every number comes from the file: none is drawn
        network = quiet(lambda: timm.create_model(architecture, pretrained=False))
    keras_files.pour(layers, network, architecture, path.name)
    return network.eval()


def _unwrap(state: Any) -> State:
    for wrapper in ("state_dict_ema", "state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise WeightsError(
            "the weights file holds no plain table of tensors",
            "a state dict: name to tensor",
            "save model.state_dict(), not the model",
        )
    return {str(key).removeprefix("module."): tensor for key, tensor in state.items()}


def _must_exist(architecture: str) -> None:
    if not timm.is_model(architecture):
        names = timm.list_models()
        near = difflib.get_close_matches(architecture, names, n=3, cutoff=0.5)
        raise SettingError(
            f"no backbone is called {architecture!r}",
            "a name from `headstart backbones`, a Keras name, or any timm name",
            f"did you mean {', '.join(near)}?" if near else "headstart backbones",
        )


def _url(architecture: str) -> str:
    record = timm.get_pretrained_cfg(architecture)
    return str(record.hf_hub_id or record.url) if record else "none"


def _thrice(values: Any, factor: float) -> tuple[float, float, float]:
    a, b, c = (round(float(value) * factor, 4) for value in values)
    return a, b, c


def quiet(work: Callable[[], Any]) -> Any:
    """Run a library call whose warnings (deprecations, tracer notes) say nothing to our users."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()
