"""The Open Inference Protocol, version 2: tensors in JSON in, tensors in JSON out.

Two inputs are offered, of which a request has one: ``images`` BYTES [N], files in base64;
``pixels`` UINT8 [N, H, W, 3], upright RGB of any size. No extension is offered, so tensors never
come in binary.

Source: https://github.com/kserve/open-inference-protocol (REST).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from headstart.model.prediction import Prediction
from headstart.serving.answering import Source
from headstart.serving.decoding import Pixels
from headstart.serving.limits import Limits
from headstart.serving.refusal import Refusal

_INPUTS = {"images": ("BYTES", [-1]), "pixels": ("UINT8", [-1, -1, -1, 3])}


def metadata(name: str, class_names: Sequence[str]) -> dict[str, Any]:
    """What ``GET /v2/models/NAME`` says."""
    inputs = [
        {"name": key, "datatype": kind, "shape": shape} for key, (kind, shape) in _INPUTS.items()
    ]
    outputs = [{k: v for k, v in row.items() if k != "data"} for row in _rows([], class_names)]
    for row in outputs[:-1]:
        row["shape"][0] = -1
    return {
        "name": name,
        "versions": [],
        "platform": "headstart",
        "inputs": inputs,
        "outputs": outputs,
    }


def read(body: bytes, limits: Limits) -> tuple[dict[str, Any], list[Source]]:
    """A request, and its pictures.

    Raises:
        Refusal: It is not a request of this protocol, or asks too much.
    """
    asked = parsed(body)
    return asked, sources_in(asked, limits)


def sources_in(asked: Any, limits: Limits) -> list[Source]:
    """The pictures of a request.

    Raises:
        Refusal: It is not a request of this protocol, or asks too much.
    """
    inputs = asked.get("inputs") if isinstance(asked, dict) else None
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise _wrong("inputs", inputs, "a list of one tensor")
    (tensor,) = inputs
    name, shape = tensor.get("name"), tensor.get("shape")
    kind, wanted = _INPUTS.get(name, ("", [])) if isinstance(name, str) else ("", [])
    if not kind:
        raise _wrong("the tensor's name", name, " or ".join(_INPUTS))
    if tensor.get("datatype") != kind:
        raise _wrong("datatype", tensor.get("datatype"), kind)
    if not _fits(shape, wanted):
        raise _wrong("shape", shape, f"{wanted}, each -1 a number above 0")
    if shape[0] > limits.pictures:
        raise Refusal(
            413,
            f"{shape[0]} pictures in one request",
            f"{limits.pictures} at most",
            "send them in several requests",
        )
    data = tensor.get("data")
    pictures: list[bytes | Pixels] = []
    pictures += _files(data, shape[0]) if kind == "BYTES" else _arrays(data, shape, limits)
    return [(f"{name}[{k}]", picture) for k, picture in enumerate(pictures)]


def answer(
    name: str, asked: dict[str, Any], predictions: list[Prediction], class_names: Sequence[str]
) -> dict[str, Any]:
    """The answer to a request.

    Raises:
        Refusal: It wants an output that there is not.
    """
    rows = {row["name"]: row for row in _rows(predictions, class_names)}
    chosen = asked.get("outputs") or [{"name": key} for key in rows]
    try:
        outputs = [rows[one["name"]] for one in chosen]
    except (KeyError, TypeError) as error:
        raise _wrong("outputs", chosen, f"a list of tensors, of {', '.join(rows)}") from error
    values = {"model_name": name, "outputs": outputs}
    if "id" in asked:
        values["id"] = str(asked["id"])
    return values


def parsed(body: bytes) -> Any:
    """JSON from a stranger.

    Raises:
        Refusal: It is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            400, f"the body is not JSON: {error}", "a request in JSON", "see /openapi.json"
        ) from error


def _rows(predictions: Sequence[Prediction], class_names: Sequence[str]) -> list[dict[str, Any]]:
    number, classes = len(predictions), list(class_names)
    probabilities = [dict(one.ranking) for one in predictions]
    columns: list[tuple[str, str, list[int], list[Any]]] = [
        ("label", "BYTES", [number], [one.label for one in predictions]),
        (
            "probabilities",
            "FP32",
            [number, len(classes)],
            [row[each] for row in probabilities for each in classes],
        ),
        ("unsure", "BOOL", [number], [one.unsure for one in predictions]),
        ("reason", "BYTES", [number], [one.reason or "" for one in predictions]),
        ("classes", "BYTES", [len(classes)], classes),
    ]
    return [
        {"name": name, "datatype": kind, "shape": shape, "data": data}
        for name, kind, shape, data in columns
    ]


def _fits(shape: Any, wanted: list[int]) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) == len(wanted)
        and all(type(side) is int and side > 0 for side in shape)
        and all(want in (-1, side) for side, want in zip(shape, wanted, strict=True))
    )


def _files(data: Any, number: int) -> list[bytes]:
    if not isinstance(data, list) or len(data) != number:
        raise _wrong("data", data, f"a list of {number} strings")
    try:
        return [base64.b64decode(text.encode("ascii"), validate=True) for text in data]
    except (AttributeError, UnicodeEncodeError, binascii.Error) as error:
        raise _wrong("data", data, f"files in base64 ({error})") from error


def _arrays(data: Any, shape: list[int], limits: Limits) -> list[Pixels]:
    if shape[1] * shape[2] > limits.pixels:
        raise Refusal(
            413,
            f"pictures of {shape[1] * shape[2]} pixels",
            f"{limits.pixels} at most",
            "scale them down",
        )
    try:
        values = np.asarray(data)
        right = values.size == prod(shape) and values.dtype.kind in "iu"
    except (ValueError, OverflowError, RecursionError):
        right = False
    if not right or values.min() < 0 or values.max() > 255:
        raise _wrong("data", data, f"{prod(shape)} whole numbers from 0 to 255")
    return list(values.astype(np.uint8).reshape(shape))


def _wrong(what: str, value: Any, expected: str) -> Refusal:
    shown = repr(value)
    shown = shown if len(shown) <= 100 else f"{shown[:100]} …"
    return Refusal(400, f"{what} is {shown}", expected, "GET /v2/models/NAME names the tensors")
