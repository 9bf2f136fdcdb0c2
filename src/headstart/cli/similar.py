"""`headstart similar`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli.console import Console, print_json_rows, printable


@click.command("similar", short_help="which training pictures are most like these?")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option(
    "--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many of them."
)
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    bundle: Path,
    pictures: tuple[str, ...],
    count: int,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show the training pictures most like each PICTURE: files, folders or patterns.

    \b
    headstart similar pets.headstart my-cat.jpg
    headstart similar pets.headstart holiday/ --count 1 --json

    Similarity is the cosine of the features, 1 for the same picture. Exit codes: 0 done, 2 wrong
    input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.model.classifier import load
    from headstart.workflows.predict import expand
    from headstart.workflows.similar import gallery_of, similar_of_each

    gallery = gallery_of(bundle)
    console = Console(quiet=quiet)
    if len(gallery.ids) < gallery.num_pictures:
        console.say(f"compared with {len(gallery.ids)} of {gallery.num_pictures} training pictures")
    rows = similar_of_each(
        load(bundle, threads=threads, with_features=True), gallery, expand(pictures), count
    )
    unusable = 0

    def counted() -> Any:
        nonlocal unusable
        for row in rows:
            unusable += row.reason is not None
            yield row

    if as_json:
        print_json_rows(row.to_json() for row in counted())
    else:
        for row in counted():
            _show(row)
    if unusable:
        console.say(f"{unusable} could not be used (see their reasons)")
    click.get_current_context().exit(3 if unusable else 0)


def _show(row: Any) -> None:
    click.echo(printable(row.path if row.reason is None else f"{row.path}: {row.reason}"))
    for near in row.neighbours:
        click.echo(printable(f"  {near.similarity:.3f}  {near.label}  {near.id}"))
