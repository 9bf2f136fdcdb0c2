"""`headstart matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, exit_code, print_json
from headstart.cli.shares import share


@click.command("matrix", short_help="freeze or fine-tune? where the pictures lie, measured")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Also draw the matrix.",
)
@click.option(
    "--test-share",
    type=share,
    help="Share kept for the test when no test set is given.  [default: 0.2]",
)
@options.network
@options.reading
@options.device
@options.everywhere
def command(pictures: Path, out: Path | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Measure where PICTURES lie on the size-similarity matrix, and say what follows.

    How many pictures a class there are, how similar they are to what the network was pretrained
    on (without looking at labels), how well its features fit these labels at every depth; what two
    well-known rules of thumb advise; and what the evidence advises, with the gain to expect of
    adapting the network and what so many pictures could prove. Test pictures take no part.

    \b
    headstart matrix pets/
    headstart matrix scans/ --out scans.svg

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.cli.tables import unusable_lines
    from headstart.files import write_text
    from headstart.workflows.matrix import drawing_place, run_matrix
    from headstart.workflows.recipe import recipe_of

    console = Console(quiet=quiet)
    place = drawing_place(pictures, out) if out is not None else None
    placed = run_matrix(pictures, recipe_of(options.settings_of(given)), console)
    if place is not None:
        write_text(place, placed.svg())
    if as_json:
        print_json(placed.to_json())
    elif not quiet:
        for line in placed.matrix.lines():
            console.answer(line)
        for line in unusable_lines([vars(row) for row in placed.prepared.unusable]):
            console.say(line)
        if out is not None:
            console.say(f"drawn {out}")
    click.get_current_context().exit(exit_code(row.reason for row in placed.prepared.unusable))
