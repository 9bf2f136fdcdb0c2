"""`headstart split`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, exit_code, print_json
from headstart.cli.shares import share


@click.command("split", short_help="write train and test folders, a folder per class")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.argument("to", metavar="TO", type=click.Path(path_type=Path))
@options.ways("copy", "hard-link", "symlink")
@click.option(
    "--test-share",
    type=share,
    help="Share of each class that goes to the test folder.  [default: 0.2]",
)
@options.drawing
@options.network
@options.reading
@options.everywhere
def command(pictures: Path, to: Path, as_json: bool, quiet: bool, **given: Any) -> None:
    """Write the PICTURES, of any layout that fit reads, to TO/train/CLASS and TO/test/CLASS.

    The split is the one that fit would draw: each class keeps its share, named groups and
    (nearly) equal pictures stay together (not with --split random), a test part that is given
    is kept. PICTURES are only read, and TO is written whole or not at all.

    \b
    headstart split flat/ pets/
    headstart split flat/ pets/ --test-share 0.3 --symlink

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.cli.tables import unusable_lines
    from headstart.workflows.recipe import recipe_of
    from headstart.workflows.split import run_split

    console, how = Console(quiet=quiet), options.way_of(given)
    parted = run_split(pictures, to, recipe_of(options.settings_of(given)), how, console)
    if as_json:
        print_json(parted.to_json())
    elif not quiet:
        left_out = unusable_lines([vars(row) for row in parted.unusable])
        for line in (*left_out, *parted.lines()):
            console.say(line)
    click.get_current_context().exit(exit_code(row.reason for row in parted.unusable))
