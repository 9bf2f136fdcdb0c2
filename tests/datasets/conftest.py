"""Trees of one-byte files: nothing in this station decodes a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a folder of files; names that end in ``/`` become empty folders."""

    def make(names: Iterable[str], root: str = "pets", **tables: str) -> Path:
        folder = tmp_path / root
        folder.mkdir(exist_ok=True)
        for name in names:
            path = folder / name
            place = path if name.endswith("/") else path.parent
            place.mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                path.write_bytes(b"x")
        for name, text in tables.items():
            (folder / name.replace("__", ".")).write_bytes(
                text.encode("utf-8", errors="surrogateescape")
            )
        return folder

    return make


@pytest.fixture
def many() -> Callable[[str, int], list[str]]:
    """``many("cats/%d.jpg", 3)``: three names."""
    return lambda pattern, number: [pattern % index for index in range(1, number + 1)]
