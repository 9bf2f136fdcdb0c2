"""What a network is besides its weights, asked of timm in a process of its own.

``python -m headstart.backbones.blueprint ARCHITECTURE SIZE`` prints it as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from headstart.errors import SettingError


@dataclass(frozen=True)
class Blueprint:
    """A network without its weights.

    Args:
        shapes: Of every tensor of its state dict, by name.
        classifier: Name of its own last layer; None: it has none that timm names.
        first_conv: Name of its first layer.
        fixed_input_size: Whether its weights fit one size of picture only.
        num_features: Length of its feature vector.
    """

    shapes: dict[str, list[int]]
    classifier: str | None
    first_conv: str | None
    fixed_input_size: bool
    num_features: int


def blueprint(architecture: str, size: int) -> Blueprint:
    """Of one of timm's networks.

    Args:
        architecture: timm's name.
        size: Side of its pictures, in pixels.

    Raises:
        SettingError: The installed timm does not know it.
    """
    command = [sys.executable, "-P", "-m", "headstart.backbones.blueprint", architecture, str(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, capture_output=True, check=False, env=environment)
    if child.returncode != 0:
        raise SettingError(
            f"the installed timm cannot make {architecture!r} for pictures of {size} pixels: "
            + (child.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[
                -1
            ],
            "the timm that the classifier was made with, or a newer one",
            "pip install --upgrade timm",
        )
    return Blueprint(**json.loads(child.stdout.splitlines()[-1]))


def _main() -> None:
    from headstart.backbones import from_timm
    from headstart.backbones.request import Request

    architecture, size = sys.argv[1], int(sys.argv[2])
    asked = Request(architecture, architecture, "random", "", input_size=size)
    print(json.dumps(from_timm.blueprint_of(from_timm.network_of(asked))))  # noqa: T201


if __name__ == "__main__":
    _main()
