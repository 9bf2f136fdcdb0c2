"""Writes graphs in OpenVINO's own format (IR), in eight bits if asked. A doorkeeper of OpenVINO.

Runs in a process of its own, ``python -m headstart.backbones.intermediate GRAPH PATH [PICTURES]``:
what makes numbers of eight bits brings torch and prints.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import MissingExtra
from headstart.extras import installed_by


def write_intermediate(
    graph: Path, path: Path, calibration: npt.NDArray[np.uint8] | None = None
) -> None:
    """Write an ONNX graph as ``path`` (``.xml``) and its weights beside it (``.bin``).

    Args:
        graph: ONNX file with ``pixels`` uint8 [N, H, W, 3] in.
        path: Where to.
        calibration: uint8 [N, H, W, 3], a few hundred pictures: the network, not the head, is
            brought to eight bits with the ranges they show. None: stay with float32.

    Raises:
        MissingExtra: Eight bits were asked for, and nncf is not installed.
        RuntimeError: The child died.

    Source:
        NNCF's ``quantize``, post-training quantisation with its mixed preset.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "headstart.backbones.intermediate",
        str(graph),
        str(path),
    ]
    pictures = path.with_suffix(".npy")
    if calibration is not None:
        must_have_nncf()
        np.save(pictures, calibration)
        command.append(str(pictures))
    try:
        # NNCF tells its makers of every call, except in tests of its own.
        environment = {**os.environ, "NNCF_CI": "1"}
        child = subprocess.run(command, capture_output=True, check=False, env=environment)
    finally:
        pictures.unlink(missing_ok=True)
    if child.returncode != 0:
        said = child.stderr.decode(errors="replace")
        raise RuntimeError(f"writing {path.name} failed:\n{said[-2000:]}")


def must_have_nncf() -> None:
    """Find out before an hour of work.

    Raises:
        MissingExtra: It is not installed.
    """
    if importlib.util.find_spec("nncf") is None:
        raise MissingExtra(
            "nncf is not installed", "the optional library nncf", installed_by("int8")
        )


def _main() -> None:
    import openvino
    from openvino._offline_transformations import apply_moc_transformations

    graph, path, *pictures = sys.argv[1:]
    model = openvino.Core().read_model(graph)
    # Batch norm becomes part of the convolutions: in eight bits that is most of the gain.
    apply_moc_transformations(model, cf=True)
    if pictures:
        model = _in_eight_bits(model, np.load(pictures[0]))
    openvino.save_model(model, path, compress_to_fp16=False)


def _in_eight_bits(model: Any, pictures: npt.NDArray[np.uint8]) -> Any:
    import nncf

    head = [op.get_friendly_name() for op in model.get_ops()]
    head = [name for name in head if "headstart." in name]
    return nncf.quantize(
        model,
        nncf.Dataset([picture[None] for picture in pictures]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(names=head, validate=False),
    )


if __name__ == "__main__":
    _main()
