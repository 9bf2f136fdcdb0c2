"""How often test pictures were looked at: choices made after a look make them less of a test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from headstart.files import sha256

_EACH = 16  # bytes that stand for one look


def count_look(answers: Iterable[tuple[bytes, str]], cache: Path) -> int | None:
    """Which look at these pictures this is, from 1; None: it cannot be written down.

    The same pictures in any order are the same set; one more or less is another. A classifier that
    looks again, or another that gives the same answers, learns nothing new: it is the look that it
    was before. Looks are noted in the cache folder: another machine, or another cache, begins anew.

    Args:
        answers: Of each picture, its digest and the class it was taken for.
        cache: The cache folder.
    """
    given = dict(answers)
    pictures = sorted(given)
    place = cache / "looks" / f"{sha256(b''.join(pictures))[:32]}.answers"
    told = b"".join(picture + given[picture].encode(errors="surrogatepass") for picture in pictures)
    look = bytes.fromhex(sha256(told))[:_EACH]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab+") as file:
            file.seek(0)
            known = file.read()
            whole = len(known) // _EACH * _EACH  # what a killed run began to write is no look
            before = [known[at : at + _EACH] for at in range(0, whole, _EACH)]
            if look in before:
                return before.index(look) + 1
            file.truncate(whole)
            file.write(look)
            return len(before) + 1
    except OSError:
        return None


def in_words(looks: int | None) -> str:
    """Which look it is; empty where that is not known."""
    if looks is None:
        return ""
    if looks == 1:
        return "first look at this set"
    return f"look {looks} at this set: choices made since the first may flatter the number"
