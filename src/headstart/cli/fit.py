"""`headstart fit`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import INTERRUPTED, Console, exit_code, print_json
from headstart.cli.shares import share


@click.command("fit", short_help="make a classifier from labelled pictures")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="BUNDLE",
    help="Where the classifier goes.  [default: PICTURES.headstart, beside them]",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="Settings from a recipe (`headstart recipes`) or a TOML file; options given here win.",
)
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="NAME",
    help="Compare only this head (NAME:POOLING: on that pooling); may be repeated.  [default: "
    "all of ours]",
)
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="PICTURES",
    help="Test pictures, when they are not part of PICTURES.",
)
@click.option(
    "--test-share",
    type=share,
    help="Share kept for the test when no test set is given.  [default: 0.2]",
)
@click.option(
    "--folds",
    "num_folds",
    type=int,
    help="Of the cross-validation that compares the heads.  [default: 5; 3 of more than 4000 "
    "training pictures]",
)
@click.option(
    "--find-lr",
    is_flag=True,
    help="Only look for a learning rate: train a hundred steps with a rising one, draw the loss "
    "beside BUNDLE, print what it suggests, fit nothing.",
)
@options.drawing
@options.beside
@options.max_error("unsure below a probability of 2/3")
@options.tuning
@options.network
@options.seeing
@options.precision
@options.reading
@options.device
@options.everywhere
def command(
    pictures: Path,
    out: Path | None,
    find_lr: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Make a classifier from PICTURES, judge it on test pictures, save it.

    PICTURES is a folder with a folder per class; or with train and test folders; or of files with
    the label in their name (cat.123.jpg); or a table (CSV, TSV, JSONL, Parquet) that names files
    and labels. Your files are only read.

    \b
    headstart fit pets/
    headstart fit pets/ --recipe classic:vgg16-logistic --backbone efficientnet_lite0
    headstart fit labels.csv --images photos/ --out pets.headstart
    headstart fit scans/ --group-pattern '(patient\\d+)'

    Ctrl-C during fine-tuning saves what is best so far; the same command goes on with it.

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used, 130 interrupted.
    """  # noqa: D301
    from headstart.workflows.fit import run_fit
    from headstart.workflows.recipe import recipe_of

    console = Console(quiet=quiet)
    recipe = recipe_of(options.settings_of(given))
    if find_lr:
        _find_rate(pictures, out, recipe, console, as_json)
        return
    fitted = run_fit(pictures, out, recipe, console)
    if as_json:
        print_json(fitted.receipt)
    elif not quiet:
        _show(console, fitted)
    code = exit_code(row["reason"] for row in fitted.receipt["unusable"])
    click.get_current_context().exit(INTERRUPTED if fitted.is_interrupted else code)


def _find_rate(
    pictures: Path, out: Path | None, recipe: Any, console: Console, as_json: bool
) -> None:
    from headstart.workflows.finding_rate import find_rate

    found = find_rate(pictures, out, recipe, console)
    if as_json:
        print_json(found.to_json())
    console.say(f"suggested learning rate: {found.suggestion:.1e}  (drawn in {_shown(found.plot)})")
    place = f" --out {shlex.quote(str(out))}" if out else ""
    command = f"headstart fit {shlex.quote(str(pictures))}{place} --train-from {found.train_from}"
    console.say(f"try: {command} --learning-rate {found.suggestion:.1e}")


def _show(console: Console, fitted: Any) -> None:
    from headstart.cli.tables import candidate_lines, finding_lines, unusable_lines
    from headstart.reports.results import summary_lines
    from headstart.workflows.reporting import warnings_of, why

    place = _shown(fitted.bundle)
    judged = f"test pictures ({fitted.look})" if fitted.look else "test pictures"
    for line in (
        *candidate_lines(fitted.receipt["candidates"]),
        why(fitted.trained),
        *summary_lines(fitted.results, judged),
        *fitted.shown.lines(),
        *(fitted.own_choice.lines() if fitted.own_choice else ()),
        *(f"warning: {line}" for line in warnings_of(fitted.trained)),
        *fitted.audit.lines(),
        *finding_lines(fitted.receipt["findings"]),
        *unusable_lines(fitted.receipt["unusable"], place / "unreadable.csv"),
        f"saved {place}  (report.html, receipt.json, results.json) "
        f"in {fitted.receipt['seconds']:.0f} s",
        f"try: headstart predict {shlex.quote(str(place))} PICTURE",
    ):
        console.say(line)


def _shown(path: Path) -> Path:
    """As short as it can be typed from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
