"""`headstart evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, exit_code, print_json


@click.command("evaluate", short_help="judge a saved classifier on labelled pictures")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("pictures", type=click.Path(path_type=Path))
@options.max_error("as fit set it")
@options.reading
@options.cache
@options.device
@options.everywhere
def command(bundle: Path, pictures: Path, as_json: bool, quiet: bool, **given: Any) -> None:
    """Judge the classifier in BUNDLE on labelled PICTURES.

    PICTURES is laid out as for `headstart fit`. If it has train and test parts, the test part is
    judged. Pictures that the classifier was trained on are found by their content and counted.

    \b
    headstart evaluate pets.headstart new-pets/

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.cli.tables import unusable_lines
    from headstart.reports.results import percent, summary_lines
    from headstart.workflows.evaluate import run_evaluate
    from headstart.workflows.recipe import recipe_of

    console = Console(quiet=quiet)
    recipe = recipe_of(options.settings_of(given))
    evaluated = run_evaluate(bundle, pictures, recipe, console)
    if as_json:
        print_json(evaluated.to_json())
    elif not quiet:
        results = evaluated.results
        if evaluated.warning:
            console.say(evaluated.warning)
        for line in summary_lines(results, evaluated.judged, evaluated.unseen):
            console.answer(line)
        for row in (row for row in results.class_rows() if row["support"]):
            console.answer(
                f"  {row['name']}: precision {percent(row['precision'])}, "
                f"recall {percent(row['recall'])}, F1 {percent(row['f1'])}, "
                f"{row['support']} pictures"
            )
        if evaluated.seen:
            console.answer(f"{evaluated.seen} of them stand in the training data, byte for byte")
        if evaluated.alike:
            console.answer(
                f"{evaluated.alike} more are near copies of training pictures, or share a group "
                "with one (--group-pattern none: no groups)"
            )
        for line in unusable_lines([vars(row) for row in evaluated.unusable]):
            console.say(line)
    click.get_current_context().exit(exit_code(row.reason for row in evaluated.unusable))
