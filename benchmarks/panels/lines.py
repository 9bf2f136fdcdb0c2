"""A file of JSON lines that a killed run goes on with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from headstart.files import canonical_json

Record = dict[str, Any]


def read_lines(path: Path) -> list[Record]:
    """Every whole line; one that a killed run left half written is not there."""
    if not path.exists():
        return []
    *whole, _unfinished = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in whole if line.startswith(b"{") and line.endswith(b"}")]


def append_line(path: Path, record: Record) -> None:
    """One line, in one write, on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(_end_of_line(path) + canonical_json(record).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _end_of_line(path: Path) -> bytes:
    """What ends a line that was left half written."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else b" (cut off)\n"
