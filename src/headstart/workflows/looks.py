"""How often test pictures were looked at: choices made after a look make them less of a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from headstart.files import sha256


def count_look(digests: Iterable[bytes], cache: Path) -> int | None:
    """Count this look at these pictures; which one it is, from 1; None: it cannot be written.

    The same pictures in any order are the same set; one more or less is another. Looks are counted
    in the cache folder, a byte for each: another machine, or another cache, begins anew.

    Args:
        digests: Of each picture's bytes.
        cache: The cache folder.
    """
    place = cache / "looks" / sha256(b"".join(sorted(set(digests))))[:32]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab") as file:
            file.write(b".")
            return file.tell()
    except OSError:
        return None


def in_words(looks: int | None) -> str:
    """Which look it is; empty where that is not known."""
    if looks is None:
        return ""
    if looks == 1:
        return "first look at this set"
    return f"look {looks} at this set: choices made since the first may flatter the number"
