"""Builds one backbone's graph in a process of its own: ``python -m headstart.backbones.building``.

torch and timm need seconds to import, half a gigabyte of memory and their own threads. The process
that reads the pictures stays free of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from headstart import errors
from headstart.backbones.request import Request
from headstart.errors import HeadstartError
from headstart.files import canonical_json, readable_json, sha256, sha256_file
from headstart.images.preprocessing import Preprocessing

# Part of every fingerprint: raise it when the same weights give other features than before.
GRAPH_VERSION = 2

# Part of the name of a graph's folder: raise it when the folder holds other files than before.
BUILD_VERSION = 4

GRAPH = "graph.onnx"
STATISTICS = "statistics.onnx"
PRETRAINING = "statistics.safetensors"
RECORD = "backbone.json"

_FAILED = 3


def build_in_child(request: Request, folder: Path) -> None:
    """Write the graph and its record into ``folder``.

    Raises:
        HeadstartError: What the child raised.
        OSError: The child could not write.
        RuntimeError: The child died.
    """
    # -P: no module is taken from the folder where the user happens to be.
    command = [sys.executable, "-P", "-m", "headstart.backbones.building", str(folder)]
    child = subprocess.run(
        command,
        input=json.dumps(request.to_json()).encode(),
        capture_output=True,
        # One thread: the few small pictures of a trace are sooner done than several are woken.
        env={**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if child.returncode == _FAILED:
        kind, *values = json.loads(child.stdout.splitlines()[-1])
        raise getattr(errors, kind, OSError)(*values)
    if child.returncode != 0:
        stderr = child.stderr.decode(errors="replace")
        raise RuntimeError(f"building {request.name} failed:\n{stderr[-2000:]}")


def build(request: Request, folder: Path) -> None:
    """The same in this process; imports torch."""
    from headstart.backbones import from_timm
    from headstart.backbones.network_graph import write_graph
    from headstart.backbones.statistics_graph import write_statistics

    network = from_timm.network_of(request)
    preprocessing = _preprocessing_of(network, request)
    beside = None
    if request.beside:
        asked = replace(request.beside, input_size=preprocessing.size)
        second = from_timm.network_of(asked)
        beside = second, _preprocessing_of(second, asked)
    taps = write_graph(network, preprocessing, folder / GRAPH, request.pooling, beside, request.tta)
    record: dict[str, Any] = {
        "name": request.name,
        "architecture": request.architectures,
        "weights": request.source,
        "pretrained": request.weights != "random",
        "licence": request.licence or from_timm.licence_of(network),
        "preprocessing": preprocessing.to_json(),
        "taps": taps,
        "adjustments": from_timm.adjustments_of(network),
        "tta": request.tta,
    }
    made_of = {
        "version": GRAPH_VERSION,
        "architecture": request.architectures,
        "weights": from_timm.digest_of(network, *(beside or ())[:1]),
        "preprocessing": record["preprocessing"],
        "taps": taps,
    }
    if record["adjustments"]:
        made_of["adjustments"] = record["adjustments"]
    record["fingerprint"] = sha256(canonical_json(made_of).encode())
    write_statistics(network, preprocessing, folder / STATISTICS, folder / PRETRAINING)
    record["sha256"] = {
        name: sha256_file(folder / name) for name in (GRAPH, STATISTICS, PRETRAINING)
    }
    (folder / RECORD).write_text(readable_json(record))


def _preprocessing_of(network: Any, request: Request) -> Preprocessing:
    """As the weights' record says, or as the request knows better."""
    from headstart.backbones import from_timm

    found = from_timm.preprocessing_of(network)
    if not (request.mean and request.std):
        return found
    return replace(found, mean=request.mean, std=request.std)


def _main() -> int:
    folder = Path(sys.argv[1])
    request = Request.from_json(json.loads(sys.stdin.read()))
    try:
        build(request, folder)
    except HeadstartError as error:
        return _failed(error, error.what, error.expected, error.fix)
    except OSError as error:
        return _failed(error, error.errno, error.strerror or str(error))
    return 0


def _failed(error: Exception, *values: Any) -> int:
    """Tell the parent on standard output: the disk may be full."""
    sys.stdout.write("\n" + json.dumps([type(error).__name__, *values]))
    return _FAILED


if __name__ == "__main__":
    sys.exit(_main())
