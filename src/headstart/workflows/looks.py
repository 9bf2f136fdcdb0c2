"""How often test pictures were looked at: choices made after a look make it less of a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from headstart.files import sha256


def count_look(digests: Iterable[bytes], cache: Path) -> int | None:
    """Count this look at these pictures; which one it is, from 1; None: it cannot be written.

    The same pictures in any order are the same test. Looks are counted in the cache folder, a byte
    for each: another machine, or another cache, begins anew.

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


def looked_at(what: str, looks: int | None, *, leaked: bool = False) -> str:
    """``"test pictures (never looked at before)"``, or how often they were.

    Args:
        what: What the pictures are called.
        looks: As counted, this one included; None: not known.
        leaked: Whether training has seen some of them, so that nobody may call them new.
    """
    if looks is None or (looks == 1 and leaked):
        return what
    if looks == 1:
        return f"{what} (never looked at before)"
    return f"{what} (look {looks} at them: what was chosen since the first flatters the number)"
