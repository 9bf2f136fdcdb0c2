"""Numbers with a unit on the command line: a share (``1%``), a time (``10m``)."""

from __future__ import annotations

import click


def share(text: str) -> float:
    """A number between 0 and 1; a plain 1 is refused, for it might be meant as 1 %.

    Raises:
        click.BadParameter: It is none.
    """
    number, percent, rest = text.replace(" ", "").partition("%")
    try:
        found = float(number) / (100 if percent else 1)
    except ValueError:
        found = 0.0
    if rest or not 0 < found < 1:
        raise click.BadParameter(f"{text!r} is no share between 0 and 1, such as 1% or 0.01.")
    return found


def seconds(text: str) -> float:
    """A time above 0: ``90``, ``90s``, ``15m``, ``2h``.

    Raises:
        click.BadParameter: It is none.
    """
    given = text.strip().casefold()
    unit = {"s": 1, "m": 60, "h": 3600}.get(given[-1:], 0)
    try:
        found = float(given[:-1] if unit else given) * (unit or 1)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise click.BadParameter(f"{text!r} is no time above 0, such as 90s, 15m or 2h.")
    return found
