"""A share on the command line: ``1%`` or ``0.01``."""

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
