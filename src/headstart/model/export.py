"""A saved classifier in the formats of others: what stands in an exported folder.

Each holds ``predict.py``, which needs no Headstart, ``pictures.py``, which reads a picture as
Headstart does, and ``export.json``, the record. Beside them:

- onnx: ``classifier.onnx``, pixels in, probabilities out.
- openvino: ``classifier.xml`` and ``.bin``, the same.
- torch: ``model.safetensors`` and ``config.json`` as timm writes them, ``classifier.py``, and
  ``head.safetensors`` where the head is more than the network's own last layer can be.
- hf: those of torch, and what a model page of the Hugging Face hub has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from headstart import layers
from headstart.backbones.blueprint import Blueprint, blueprint
from headstart.backbones.intermediate import write_intermediate
from headstart.backbones.request import PLAIN
from headstart.errors import BundleError, SettingError
from headstart.files import readable_json
from headstart.layers import Affine, Layer
from headstart.model import bundle
from headstart.model.export_card import model_card
from headstart.model.graph import weights_of, write_answers
from headstart.model.record import Record

FORMATS = ("onnx", "openvino", "torch", "hf")
RECORD = "export.json"
INTERMEDIATE = "classifier.xml"
KIND = "headstart export"
_MODEL, _HEAD, _CONFIG = "model.safetensors", "head.safetensors", "config.json"
_COUNTER = "num_batches_tracked"

Arrays = dict[str, npt.NDArray[Any]]


def write_onnx(folder: Path, source: Path, record: Record) -> None:
    """The classifier as one ONNX file."""
    properties = {
        "classes": json.dumps(list(record.class_names)),
        "preprocessing": json.dumps(record.preprocessing.to_json()),
    }
    write_answers(source / bundle.GRAPH, folder / bundle.GRAPH, properties)
    _write_scripts(folder, "onnx")


def write_openvino(
    folder: Path,
    source: Path,
    record: Record,
    calibration: npt.NDArray[np.uint8] | None = None,
) -> None:
    """The classifier in OpenVINO's format.

    Args:
        folder: Where to.
        source: The bundle.
        record: Its record.
        calibration: uint8 [N, H, W, 3] for eight bits; None: float32.
    """
    graph = folder / bundle.GRAPH
    write_answers(source / bundle.GRAPH, graph, {})
    write_intermediate(graph, folder / INTERMEDIATE, calibration)
    graph.unlink()
    _write_scripts(folder, "openvino")


def write_torch(folder: Path, source: Path, record: Record) -> None:
    """The network as timm keeps it, the head behind it.

    Raises:
        BundleError: The bundle's graph does not hold the network's weights by their names.
        SettingError: It is no single network that timm knows.
    """
    architecture = record.backbone["architecture"]
    if "+" in architecture:
        raise SettingError(
            f"the classifier reads two networks side by side ({architecture}), and timm has no "
            "such network",
            "one backbone, frozen or tuned alone",
            "export it --to onnx or --to openvino; or fit it again with --backbone NAME and --head "
            "NAME, which pools nothing",
        )
    if (tta := record.backbone.get("tta", PLAIN)) != PLAIN:
        raise SettingError(
            f"the classifier's features are means over views of a picture (--tta {tta}), and timm "
            "has no such network",
            "features of the picture as it is",
            "export it --to onnx or --to openvino; or fit it again without --tta",
        )
    if changed := record.backbone.get("adjustments"):
        raise SettingError(
            f"the classifier's {architecture} was changed to compute what its weights were trained "
            f"in ({changed[0]}), and timm has no such network",
            "weights in timm's own form",
            "export it --to onnx or --to openvino",
        )
    made = blueprint(architecture, record.preprocessing.size)
    state = _state(source, made)
    head = layers.from_plain(record.head["layers"], bundle.read_arrays(source))
    own = _as_last_layer(head, record, made)
    config = _config(record, made, own)
    (folder / _MODEL).write_bytes(save(state | own, {"format": "pt"}))
    if not own:
        described, arrays = layers.to_plain(head)
        dims = {tap["name"]: tap["dim"] for tap in record.backbone["taps"]}
        kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        (folder / _HEAD).write_bytes(save(kept, {"format": "pt"}))
        config["headstart"]["head"] = {
            "taps": record.head["taps"],
            "dims": [dims[name] for name in record.head["taps"]],
            "temperature": record.head["temperature"],
            "layers": described,
        }
    (folder / _CONFIG).write_text(readable_json(config))
    _write_scripts(folder, "torch", "classifier")


def write_hf(folder: Path, source: Path, record: Record) -> None:
    """The same as a folder for the Hugging Face hub."""
    write_torch(folder, source, record)
    (folder / "preprocessor_config.json").write_text(readable_json(_preprocessor(record)))
    receipt = source / "receipt.json"
    told = json.loads(receipt.read_bytes()) if receipt.is_file() else {}
    is_plain = not (folder / _HEAD).exists()
    (folder / "README.md").write_text(model_card(record, told, is_plain), encoding="utf-8")


def _write_scripts(folder: Path, predict: str, *more: str) -> None:
    for name, source in {
        "predict": predict,
        "pictures": "pictures",
        **{k: k for k in more},
    }.items():
        text = files("headstart.model").joinpath(f"scripts/{source}.py.txt").read_text("utf-8")
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def _state(source: Path, made: Blueprint) -> Arrays:
    """The network's tensors without its last layer, every one of them and of its shape."""
    kept = weights_of(source / bundle.GRAPH)
    wanted = {k: v for k, v in made.shapes.items() if not _is_of(k, made.classifier)}
    # How many batches its statistics saw: no graph needs that.
    kept |= {k: np.zeros((), np.int64) for k in wanted if k.endswith(_COUNTER)}
    wrong = [k for k, shape in wanted.items() if k not in kept or list(kept[k].shape) != shape]
    if wrong:
        raise BundleError(
            f"the graph in {source} does not hold {len(wrong)} of the network's {len(wanted)} "
            f"tensors by their names; first: {wrong[0]}",
            "a bundle whose graph keeps them: one of this version, of a network that timm can "
            "make again",
            "make it again with headstart fit; or export it --to onnx",
        )
    return {name: np.ascontiguousarray(kept[name]) for name in wanted}


def _is_of(name: str, classifier: str | None) -> bool:
    return classifier is not None and name.rpartition(".")[0] == classifier


def _as_last_layer(head: Sequence[Layer], record: Record, made: Blueprint) -> Arrays:
    """The head as the network's own last layer, temperature and all; empty where it is more."""
    weight = made.shapes.get(f"{made.classifier}.weight", [])
    match head:
        case [Affine() as affine] if record.head["taps"] == ["head"]:
            fits = len(weight) == 2 and weight[1] == len(affine.weight)
            temperature = np.float32(record.head["temperature"])
            arrays = {"weight": affine.weight.T / temperature, "bias": affine.bias / temperature}
            own = {f"{made.classifier}.{k}": np.ascontiguousarray(v) for k, v in arrays.items()}
            return own if fits else {}
    return {}


def _config(record: Record, made: Blueprint, own: Arrays) -> dict[str, Any]:
    """What timm's ``create_model("local-dir:...")`` and ``"hf-hub:..."`` read."""
    preprocessing = record.preprocessing
    num_classes = len(record.class_names) if own else 0
    return {
        "architecture": record.backbone["architecture"].partition(".")[0],
        "num_classes": num_classes,
        "num_features": made.num_features,
        "label_names": list(record.class_names),
        "pretrained_cfg": {
            "tag": "headstart",
            "custom_load": False,
            "input_size": [3, preprocessing.size, preprocessing.size],
            "fixed_input_size": made.fixed_input_size,
            "interpolation": preprocessing.interpolation,
            "crop_pct": preprocessing.size / preprocessing.resize,
            "crop_mode": "center" if preprocessing.crop else "squash",
            "mean": [value / 255 for value in preprocessing.mean],
            "std": [value / 255 for value in preprocessing.std],
            "num_classes": num_classes,
            "first_conv": made.first_conv,
            "classifier": made.classifier,
            "license": record.backbone["licence"],
        },
        "headstart": {
            "classes": list(record.class_names),
            "preprocessing": preprocessing.to_json(),
            "head": None,
        },
    }


def _preprocessor(record: Record) -> dict[str, Any]:
    """The same preprocessing in the words of ``transformers``."""
    preprocessing = record.preprocessing
    side = {"height": preprocessing.size, "width": preprocessing.size}
    return {
        "image_processor_type": "BitImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": preprocessing.resize} if preprocessing.crop else side,
        "resample": {"bilinear": 2, "bicubic": 3}[preprocessing.interpolation],
        "do_center_crop": preprocessing.crop,
        "crop_size": side,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [value / 255 for value in preprocessing.mean],
        "image_std": [value / 255 for value in preprocessing.std],
    }
