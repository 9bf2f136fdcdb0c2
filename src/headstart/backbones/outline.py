"""What `building` writes for the offline backbones, with the weights cut out.

But for the weights, which are in the backbone's own package, the files are the same on every
machine. They come with this package (``outlines/``, 45 kB a backbone), so that nobody waits
for torch and timm to write them again: filled in, they are byte for byte what `building` wrote.

``python benchmarks/outlines.py`` draws them anew.
"""

from __future__ import annotations

import importlib.resources
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headstart.backbones.building import (
    BUILD_VERSION,
    GRAPH,
    GRAPH_VERSION,
    PRETRAINING,
    RECORD,
    STATISTICS,
)
from headstart.backbones.catalog import DEFAULT, OFFLINE, SECOND
from headstart.backbones.request import Request
from headstart.backbones.torch_file import read_tensors
from headstart.files import sha256, sha256_file

OUTLINED = (*OFFLINE, f"{DEFAULT}+{SECOND}")
"""Names of the backbones that have an outline."""

_MADE_OF, _HOLES = "made_of.json", "holes.json"
# Fewer bytes are not worth a hole.
_LEAST = 64
# Batch norm remembers variances and is told to add this; the statistics are standard deviations.
_EPSILON = 1e-3
_VARIANCE = ".running_var"

Holes = list[tuple[int, str]]
"""Where in the outline something was cut out, in bytes, and the name of what it was."""


def fill_in(request: Request, folder: Path) -> bool:
    """Write the files of a backbone without torch, where an outline was drawn of just this one.

    Args:
        request: What is asked for.
        folder: Where to.

    Returns:
        Whether they were written; if not, `building` has to.

    Raises:
        WeightsError: The weights' file cannot be read.
        OSError: The disk.
    """
    data = _outline_of(request.name)
    if data is None or not all(Path(each.weights).is_file() for each in _networks(request)):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as outline:
        if json.loads(outline.read(_MADE_OF)) != _made_of(request):
            return False
        values = _values(request)
        record = outline.read(RECORD)
        for name, holes in json.loads(outline.read(_HOLES)).items():
            whole = b"".join(filled(outline.read(name), holes, values))
            if sha256(whole) != json.loads(record)["sha256"][name]:
                return False
            (folder / name).write_bytes(whole)
    (folder / RECORD).write_bytes(record)
    return True


def draw(request: Request, built: Path) -> bytes:
    """The outline of a backbone, as a ZIP archive.

    Args:
        request: What was asked for.
        built: The folder that `building` wrote.
    """
    values, holes = _values(request), {}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as outline:
        for name in (GRAPH, STATISTICS, PRETRAINING):
            rest, holes[name] = cut_out((built / name).read_bytes(), values)
            _add(outline, name, rest)
        _add(outline, RECORD, (built / RECORD).read_bytes())
        _add(outline, _HOLES, json.dumps(holes).encode())
        _add(outline, _MADE_OF, json.dumps(_made_of(request)).encode())
    return data.getvalue()


def cut_out(whole: bytes, values: Mapping[str, bytes]) -> tuple[bytes, Holes]:
    """A file without the values that are found in it, and where they were."""
    found = sorted((whole.find(value), name) for name, value in values.items())
    kept, holes, end, length = [], [], 0, 0
    for start, name in found:
        if start < end:  # not in it; or the same numbers under another name
            continue
        kept.append(whole[end:start])
        length += start - end
        holes.append((length, name))
        end = start + len(values[name])
    return b"".join([*kept, whole[end:]]), holes


def filled(rest: bytes, holes: Holes, values: Mapping[str, bytes]) -> Iterator[bytes]:
    """The pieces of the whole file: what `cut_out` left, and the values in their places."""
    end = 0
    for place, name in holes:
        yield rest[end:place]
        yield values[name]
        end = place
    yield rest[end:]


def _values(request: Request) -> dict[str, bytes]:
    """The weights as they stand in the files, and standard deviations instead of variances too."""
    values = {}
    for number, each in enumerate(_networks(request)):
        for name, array in read_tensors(Path(each.weights)).items():
            values[f"{number}.{name}"] = array.tobytes()
            if name.endswith(_VARIANCE):
                root = np.sqrt(array.astype(np.float64) + _EPSILON).astype(np.float32)
                values[f"{number}.{name}, root"] = root.tobytes()
    return {name: value for name, value in values.items() if len(value) >= _LEAST}


def _networks(request: Request) -> list[Request]:
    return [request, request.beside] if request.beside else [request]


def _made_of(request: Request) -> dict[str, Any]:
    """All that decides what is written, as plain values."""
    asked = [
        {**each.to_json(), "weights": sha256_file(Path(each.weights)), "beside": None}
        for each in _networks(request)
    ]
    made_of = {"networks": asked, "graph": GRAPH_VERSION, "build": BUILD_VERSION}
    return dict(json.loads(json.dumps(made_of)))


def _outline_of(name: str) -> bytes | None:
    if name not in OUTLINED:
        return None
    place = importlib.resources.files("headstart.backbones") / "outlines" / f"{name}.zip"
    return place.read_bytes() if place.is_file() else None


def _add(outline: zipfile.ZipFile, name: str, data: bytes) -> None:
    # Without the time, so that the same outline is the same file.
    outline.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
