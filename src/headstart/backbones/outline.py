"""What `building` writes for the offline backbones, with the weights cut out.

But for the weights, which are in the backbone's own package, the files are the same on every
machine. They come with this package (``outlines/``, 40 kB a backbone), so that nobody waits
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

from headstart.backbones.building import GRAPH, PRETRAINING, RECORD, STATISTICS
from headstart.backbones.catalog import DEFAULT, OFFLINE, SECOND
from headstart.backbones.request import Request
from headstart.backbones.torch_file import read_tensors
from headstart.files import sha256

OUTLINED = (*OFFLINE, f"{DEFAULT}+{SECOND}")
"""Names of the backbones that have an outline."""

_KEY, _HOLES = "key", "holes.json"
# Fewer bytes are not worth a hole.
_LEAST = 64

Holes = list[tuple[int, str]]
"""Where in the outline something was cut out, in bytes, and the name of what it was."""


def fill_in(request: Request, key: str, folder: Path) -> bool:
    """Write the files of a backbone without torch, where an outline was drawn of just this one.

    Args:
        request: What is asked for.
        key: Names all that decides what is written, as `loading.key_of` has it.
        folder: Where to.

    Returns:
        Whether they were written; if not, `building` has to.

    Raises:
        WeightsError: The weights' file cannot be read.
        OSError: The disk.
    """
    data = _outline_of(request.name)
    if data is None:
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as outline:
        if outline.read(_KEY).decode() != key:
            return False
        values, record = _values(request), outline.read(RECORD)
        digests = json.loads(record)["sha256"]
        for name, holes in json.loads(outline.read(_HOLES)).items():
            whole = b"".join(filled(outline.read(name), holes, values))
            if sha256(whole) != digests[name]:
                return False
            (folder / name).write_bytes(whole)
    (folder / RECORD).write_bytes(record)
    return True


def draw(request: Request, key: str, built: Path) -> bytes:
    """The outline of a backbone, as a ZIP archive.

    Args:
        request: What was asked for.
        key: As for `fill_in`.
        built: The folder that `building` wrote.
    """
    values, holes = _values(request), {}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as outline:
        for name in (GRAPH, STATISTICS, PRETRAINING):
            rest, holes[name] = cut_out((built / name).read_bytes(), values)
            _add(outline, name, rest)
        _add(outline, RECORD, (built / RECORD).read_bytes())
        _add(outline, _HOLES, json.dumps(holes).encode())
        _add(outline, _KEY, key.encode())
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
    """The weights as they stand in the files."""
    values = {}
    networks = (request, request.beside) if request.beside else (request,)
    for number, each in enumerate(networks):
        for name, array in read_tensors(Path(each.weights)).items():
            values[f"{number}.{name}"] = array.tobytes()
    return {name: value for name, value in values.items() if len(value) >= _LEAST}


def _outline_of(name: str) -> bytes | None:
    if name not in OUTLINED:
        return None
    place = importlib.resources.files("headstart.backbones") / "outlines" / f"{name}.zip"
    return place.read_bytes() if place.is_file() else None


def _add(outline: zipfile.ZipFile, name: str, data: bytes) -> None:
    # Without the time, so that the same outline is the same file.
    outline.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
