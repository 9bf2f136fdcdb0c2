"""The pictures of a folder one by one: a million of them take no more memory than ten."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headstart.datasets.walking import kind_of


@dataclass(frozen=True)
class Listed:
    """A picture, or a folder that could not be opened.

    Args:
        path: Below the folder that is listed.
        failure: Why the folder could not be opened; None for a picture.
    """

    path: str
    failure: str | None = None


def pictures_in(root: Path, passed_by: Counter[str]) -> Iterator[Listed]:
    """Everything at any depth that may be a picture; what is not is counted by kind.

    Links are passed by, whatever they lead to: a picture in the folder stands there itself.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    path = os.path.join(folder, entry.name)
                    kind = "link" if entry.is_symlink() else kind_of(entry)
                    if kind == "folder":
                        waiting.append(path)
                    elif kind == "picture":
                        yield Listed(path)
                    else:
                        passed_by[kind] += 1
        except OSError as error:
            yield Listed(folder or ".", f"unreadable: {error.strerror}")
