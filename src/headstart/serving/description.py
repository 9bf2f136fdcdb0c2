"""The server's description of itself, in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from headstart.serving.limits import Limits

Schema = dict[str, Any]


def openapi(version: str, limits: Limits, most_similar: int) -> Schema:
    """What ``GET /openapi.json`` says."""
    return {"openapi": "3.1.0", "info": {"title": "headstart", "version": version}, "paths": {}}
