"""Names in the place: a folder for each class, a number for each further file of one name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

UNSURE, UNREADABLE = "_unsure", "_unreadable"
_LONGEST = 255  # bytes of a name, on nearly every file system
# What Windows or a shell does not take for a name.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def folder_names(class_names: Iterable[str]) -> dict[str, str]:
    """A folder's name for each class: its own where that is a safe one, and no two alike.

    Also none that differ in case only: many file systems take them for one.
    """
    taken = {UNSURE, UNREADABLE}
    names = {}
    for label in sorted(class_names, key=lambda label: _safe(label) != label):
        number = 1
        while numbered(_safe(label), number).casefold() in taken:
            number += 1
        names[label] = numbered(_safe(label), number)
        taken.add(names[label].casefold())
    return names


def numbered(name: str, number: int) -> str:
    """``cat.jpg``, ``cat-2.jpg``, ``cat-3.jpg``, ...; a long name is cut to make room."""
    if number == 1:
        return name
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    end = f"-{number}{suffix}"
    return _cut(stem, _LONGEST - len(os.fsencode(end))) + end


def _safe(label: str) -> str:
    name = _UNSAFE.sub("_", label).strip(" ").rstrip(" .")
    if not name or name.startswith(".") or _RESERVED.fullmatch(name):
        name = f"class {name}".rstrip()
    return _cut(name, _LONGEST)


def _cut(text: str, size: int) -> str:
    while len(os.fsencode(text)) > size:
        text = text[:-1]
    return text
