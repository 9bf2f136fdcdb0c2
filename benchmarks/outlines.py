"""Draws the outlines of the offline backbones anew: their graphs with the weights cut out.

    python benchmarks/outlines.py

Needed when `headstart.backbones.building` writes other files than before; until then they do not
fit, and torch writes the graphs on each machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from headstart.backbones import outline
from headstart.backbones.building import build_in_child
from headstart.backbones.loading import key_of, request_of


def main() -> None:
    """One file for each."""
    place = Path(outline.__file__).parent / "outlines"
    for name in outline.OUTLINED:
        request = request_of(name, None, 0)
        with tempfile.TemporaryDirectory() as folder:
            build_in_child(request, Path(folder))
            drawn = outline.draw(request, key_of(request), Path(folder))
        (place / f"{name}.zip").write_bytes(drawn)
        print(f"{name}: {len(drawn)} bytes")


if __name__ == "__main__":
    main()
