"""Which file a table's cell means: as it stands, or by the longest end of its path."""

# A table may have a million cells: pathlib is slow, and raises where os.path says no.
# ruff: noqa: PTH100, PTH113, PTH122

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from headstart.datasets.tables import legible
from headstart.labels import spelling


class Locator:
    """Finds the files below a folder that cells name.

    Args:
        base: The folder that was walked through.
        beside: The table's own folder, where relative paths may begin too.
        ids: The files below ``base``.
    """

    def __init__(self, base: Path, beside: Path, ids: Iterable[str]) -> None:
        self._base = os.path.abspath(base)
        self._beside = os.path.abspath(beside)
        self._ids = frozenset(ids)

    def find(self, cell: str) -> tuple[str, ...]:
        r"""The ids (or absolute paths, outside the folder) that fit best: none, one or several.

        Paths of another machine (``F:\pictures\cats\1.jpg``) are matched by their longest end;
        a cell without an extension fits a file's stem, and one of a table in Windows-1252 a
        name whose bytes are that.
        """
        direct = self._direct(cell) or self._direct(cell.strip())
        return (direct,) if direct else self._by_end(cell)

    def _direct(self, cell: str) -> str | None:
        if not cell or cell in self._ids:
            return cell or None
        for text in (cell, cell.replace("\\", "/")):
            place = posixpath.normpath(text)
            if place in self._ids:
                return place
        path = os.path.normpath(os.path.join(self._beside, cell))
        return self._relative(path) if os.path.isfile(path) else None

    def _relative(self, path: str) -> str:
        inside = os.path.join(self._base, "")
        return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else path

    def _by_end(self, cell: str) -> tuple[str, ...]:
        parts = _parts(legible(cell))
        spelled = [spelling(part) for part in parts]
        for ends in (self._ends, self._ends_of_stems):
            for start in range(len(parts)):
                if alike := ends.get("/".join(spelled[start:])):
                    end = "/".join(parts[start:])
                    same = [
                        name for name in alike if name.endswith(end) or _stem(name).endswith(end)
                    ]
                    return tuple(same or alike)
        return ()

    @cached_property
    def _ends(self) -> dict[str, list[str]]:
        return _by_ends((legible(name), name) for name in sorted(self._ids))

    @cached_property
    def _ends_of_stems(self) -> dict[str, list[str]]:
        return _by_ends((legible(_stem(name)), name) for name in sorted(self._ids))


def moved(cell: str, name: str) -> tuple[str, str]:
    """Folders of a cell that the file does not stand in, and those of the file that it lacks.

    One of them is empty where one path is the end of the other: as it stands, of another machine,
    or below folders that the table leaves out. ``("p2", "p1")`` of ``p2/1.jpg`` and ``p1/1.jpg``.
    """
    theirs, ours = _parts(legible(cell))[:-1], _parts(legible(name))[:-1]
    while theirs and ours and spelling(theirs[-1]) == spelling(ours[-1]):
        theirs.pop()
        ours.pop()
    return "/".join(theirs), "/".join(ours)


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[\\/]+", path.strip()) if part not in ("", ".", "..")]


def _by_ends(spellings: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names by every end of their path: ``1.jpg``, ``cats/1.jpg``, ``train/cats/1.jpg``."""
    ends: dict[str, list[str]] = defaultdict(list)
    for text, name in spellings:
        parts = [spelling(part) for part in text.split("/")]
        for start in range(len(parts)):
            ends["/".join(parts[start:])].append(name)
    return dict(ends)


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
