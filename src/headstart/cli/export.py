"""`headstart export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console, exit_code, print_json

# What the script of each folder imports, beside numpy and Pillow.
_NEEDS = {
    "onnx": "onnxruntime",
    "openvino": "openvino",
    "torch": "torch and timm",
    "hf": "torch and timm",
}


@click.command("export", short_help="write a classifier in a format of others")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--to",
    required=True,
    type=click.Choice(["onnx", "openvino", "torch", "hf"]),
    help="hf: a folder for the Hugging Face hub.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to.  [default: beside the bundle]",
)
@click.option(
    "--precision",
    type=click.Choice(["f32", "bf16", "int8"]),
    default="f32",
    help="Fewer bits for openvino: faster, slightly other answers.  [default: f32]",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="PICTURES",
    help="What the export is checked on; for fewer bits labelled, some of them not learned from.  "
    "[default: drawn ones]",
)
@options.reading
@options.everywhere
def command(
    bundle: Path,
    to: str,
    out: Path | None,
    precision: str,
    pictures: Path | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Write the classifier in BUNDLE so that it predicts without Headstart.

    Makes a folder with the classifier, predict.py, which needs no Headstart, and export.json, the
    record. What is written is run and compared with the classifier before it is put in place. In
    fewer bits, both answer labelled pictures and the difference in accuracy is stated.

    \b
    headstart export pets.headstart --to onnx
    headstart export pets.headstart --to openvino --precision int8 --pictures pets/
    headstart export pets.headstart --to hf --out pets-model

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.reports.results import percent
    from headstart.workflows.export import run_export
    from headstart.workflows.recipe import recipe_of

    console = Console(quiet=quiet)
    recipe = recipe_of(options.settings_of(given))
    exported = run_export(bundle, to, out, precision, pictures, recipe, console)
    if as_json:
        print_json(exported.to_json())
    elif not quiet:
        if told := exported.accuracy:
            low, high = told["interval"]
            console.say(
                f"accuracy on {told['num_images']} pictures it has not learned from: "
                f"{percent(told['after']['accuracy'])}, was "
                f"{percent(told['before']['accuracy'])} "
                f"(difference {100 * told['difference']:+z.1f}, "
                f"95 % interval {100 * low:+z.1f} to {100 * high:+z.1f})"
            )
        console.say(f"saved {exported.path}")
        console.say(f"try: python {exported.path / 'predict.py'} PICTURE   (needs {_NEEDS[to]})")
    click.get_current_context().exit(exit_code(row.reason for row in exported.unusable))
