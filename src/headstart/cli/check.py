"""`headstart check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, print_json

_MARKS = {"problem": "✗", "warning": "!", "note": "·"}


@click.command("check", short_help="find what is wrong with a dataset")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="PICTURES",
    help="Test pictures, when they are not part of PICTURES.",
)
@options.network
@options.precision
@options.reading
@options.device
@options.everywhere
def command(pictures: Path, as_json: bool, quiet: bool, **given: Any) -> None:
    """Find what is wrong with PICTURES before anything is learned from them.

    Unreadable files, copies (also with different labels, or on both sides of a split), classes
    that are tiny, far too large or nearly named alike, and sizes or formats that give the class
    away. Your files are only read.

    \b
    headstart check pets/
    headstart check pets/ --test more-pets/ --json

    Exit codes: 0 nothing that must be mended, 1 problems found, 2 wrong input.
    """  # noqa: D301
    from headstart.workflows.check import run_check
    from headstart.workflows.recipe import recipe_of

    console = Console(quiet=quiet)
    checked = run_check(pictures, recipe_of(options.settings_of(given)), console)
    if as_json:
        print_json(checked.to_json())
    elif not quiet:
        for finding in checked.findings:
            console.answer(f"{_MARKS[finding.severity]} {finding.message}")
            for example in finding.shown:
                console.answer(f"    {example}")
        if not checked.findings:
            console.answer("nothing found")
    click.get_current_context().exit(1 if checked.has_problems else 0)
