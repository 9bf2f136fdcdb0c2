"""The server's description of itself, in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from headstart.serving.limits import Limits
from headstart.unusable import REASONS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer", "minimum": 1}
_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_BYTES: Schema = {"type": "string", "format": "binary"}

_REFUSED = {
    400: "The request cannot be understood.",
    401: "The server asks for a token, and this is not it.",
    403: "A page of another site asks.",
    408: "The request did not arrive in time.",
    413: "Too many bytes, pictures or pixels.",
    415: "A body, or a picture, of a type that is not read.",
    421: "The host name is not one of this server's.",
    422: "Not one picture could be used.",
    503: "Too much to do; Retry-After says when to come again.",
}
_ANYWHERE = (401, 403, 421)
_OF_PICTURES = (400, 401, 403, 408, 413, 415, 421, 422, 503)


def openapi(version: str, limits: Limits, most_similar: int) -> Schema:
    """What ``GET /openapi.json`` says."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "headstart serve",
            "version": version,
            "description": "What pictures show, by a classifier that headstart fit has made. A "
            "token, where one is asked for, is sent as Authorization: Bearer TOKEN.",
        },
        "paths": {
            "/predict": {"post": _predict(limits, most_similar)},
            "/v2/models/{name}/infer": {"post": _infer()},
            **{path: {"get": one} for path, one in _questions().items()},
        },
        "components": {"schemas": _schemas(most_similar)},
    }


def _predict(limits: Limits, most_similar: int) -> Schema:
    form = _object(
        {"file": {"type": "array", "items": _BYTES, "minItems": 1, "maxItems": limits.pictures}}
    )
    return {
        "operationId": "predict",
        "summary": "Files of a form, or one picture's bytes, to predictions in the same order",
        "parameters": [
            _query("top", "How many classes to rank; all of them by default", _NUMBER),
            _query(
                "similar",
                "How many of the nearest training pictures to name; none by default",
                {**_NUMBER, "maximum": most_similar},
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/octet-stream": {"schema": _BYTES},
                "image/*": {"schema": _BYTES},
            },
        },
        "responses": {
            "200": _answer("Predictions", {"type": "array", "items": _ref("Prediction")}),
            **_refusals(*_OF_PICTURES),
        },
    }


def _infer() -> Schema:
    return {
        "operationId": "infer",
        "summary": "The same as tensors (Open Inference Protocol 2)",
        "parameters": [_NAME],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("InferenceRequest")}},
        },
        "responses": {
            "200": _answer("Tensors", _ref("InferenceResponse")),
            **_refusals(404, *_OF_PICTURES),
        },
    }


def _questions() -> dict[str, Schema]:
    model = {"parameters": [_NAME]}
    return {
        "/about": _get("about", "The classifier, and what it takes", *_ANYWHERE),
        "/healthz": _get("healthz", "Whether it lives"),
        "/readyz": _get("readyz", "Whether it answers"),
        "/metrics": _get("metrics", "Counts for Prometheus", *_ANYWHERE, kind="text/plain"),
        "/openapi.json": _get("description", "This description", *_ANYWHERE),
        "/v2": _get("server", "The server", *_ANYWHERE),
        "/v2/health/live": _get("live", "Whether it lives"),
        "/v2/health/ready": _get("ready", "Whether it answers"),
        "/v2/models/{name}": _get("model", "The tensors", 404, *_ANYWHERE) | model,
        "/v2/models/{name}/ready": _get("model_ready", "As readyz", 404, *_ANYWHERE) | model,
    }


def _schemas(most_similar: int) -> Schema:
    data = {"type": "array"}
    ranked = _object({"label": _TEXT, "probability": _PROBABILITY})
    similar = _object({"id": _TEXT, "label": _TEXT, "similarity": {"type": "number"}})
    tensor = _object(
        {
            "name": _TEXT,
            "datatype": {"enum": ["BYTES", "FP32", "BOOL"]},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": data,
        }
    )
    return {
        "Error": _object(
            {"error": _TEXT, "expected": _TEXT, "fix": _TEXT},
            {"predictions": {"type": "array", "items": _ref("Prediction")}},
        ),
        "Prediction": _object(
            {
                "path": {**_TEXT, "description": "The file's name as it was sent"},
                "label": {"type": ["string", "null"], "description": "null: not usable"},
                "probability": {**_PROBABILITY, "type": ["number", "null"]},
                "ranking": {"type": "array", "items": ranked},
                "unsure": {"type": "boolean"},
                "reason": {
                    "type": ["string", "null"],
                    "description": "ambiguous, unfamiliar, or why it is not usable: "
                    + ", ".join(REASONS),
                },
            },
            {
                "set": {"type": "array", "items": _TEXT},
                "similar": {"type": "array", "items": similar, "maxItems": most_similar},
            },
        ),
        "InferenceRequest": _object(
            {"inputs": {"type": "array", "items": _input(), "minItems": 1, "maxItems": 1}},
            {"id": _TEXT, "outputs": {"type": "array", "items": _object({"name": _OUTPUT})}},
        ),
        "InferenceResponse": _object(
            {"model_name": _TEXT, "outputs": {"type": "array", "items": tensor}}, {"id": _TEXT}
        ),
    }


def _input() -> Schema:
    side = {"type": "integer", "minimum": 1}
    shape = {"type": "array", "items": side}
    base64 = {"type": "array", "items": {"type": "string", "contentEncoding": "base64"}}
    files = {
        "name": {"const": "images"},
        "datatype": {"const": "BYTES"},
        "shape": {**shape, "minItems": 1, "maxItems": 1},
        "data": {**base64, "minItems": 1},
    }
    pixels = {
        "name": {"const": "pixels"},
        "datatype": {"const": "UINT8"},
        "shape": {"type": "array", "prefixItems": [side, side, side, {"const": 3}], "minItems": 4},
        "data": {"type": "array", "description": "[N, H, W, 3], nested or flat"},
    }
    return {"oneOf": [_object(files), _object(pixels)]}


_OUTPUT: Schema = {"enum": ["label", "probabilities", "unsure", "reason", "classes"]}
_NAME = {"name": "name", "in": "path", "required": True, "schema": _TEXT}


def _get(name: str, summary: str, *refused: int, kind: str = "application/json") -> Schema:
    answer = {"description": summary, "content": {kind: {}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": answer, **_refusals(*refused)},
    }


def _query(name: str, meaning: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(meaning: str, schema: Schema) -> Schema:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: int) -> Schema:
    meanings = {404: "There is no such model.", **_REFUSED}
    return {str(status): _answer(meanings[status], _ref("Error")) for status in statuses}
