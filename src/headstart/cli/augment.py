"""`headstart augment`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from headstart.cli import options
from headstart.cli.console import Console, exit_code, print_json
from headstart.finetuning.presets import PRESETS, preset
from headstart.finetuning.settings import LIMITS, RANGES, Augmentation

F = TypeVar("F", bound=Callable[..., Any])

# In the order of `Augmentation`.
_HELP = {
    "flip": "Probability of mirroring left and right.",
    "vertical_flip": "Probability of mirroring top and bottom.",
    "transpose": "Probability of exchanging rows and columns: mirrored and turned by a quarter.",
    "rotation": "Degrees at most, to both sides.",
    "shift": "Share of the side at most.",
    "shear": "Degrees at most.",
    "zoom": "Magnification from, to.",
    "crop": "Share of the area from, to, of a random part.",
    "stretch": "Width to height of that part, at most; 1 keeps shapes.",
    "perspective": "How far corners move inwards at most: share of half the side.",
    "lens": "Barrel and pincushion distortion at most: share of a corner's distance.",
    "brightness": "Relative change at most.",
    "contrast": "Relative change at most.",
    "saturation": "Relative change at most.",
    "hue": "Share of the colour circle at most.",
    "gray": "Probability of taking the colours away.",
    "blur": "Probability of a blur.",
    "erase": "Probability of blanking a rectangle.",
    "trivial": "Probability of one random change (TrivialAugment).",
}


def _settings(function: F) -> F:
    """One option for each setting."""
    for name, text in reversed(_HELP.items()):
        low, high = LIMITS[name]
        function = click.option(
            f"--{name.replace('_', '-')}",
            type=float,
            nargs=2 if name in RANGES else 1,
            metavar="LOW HIGH" if name in RANGES else "X",
            help=f"{text}  [{low:g} to {high:g}]",
        )(function)
    return function


@click.command("augment", short_help="look at pictures as training would change them")
@click.argument("pictures", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("augmented.png"),
    metavar="FILE.png",
    help="Where the sheet goes.  [default: augmented.png]",
)
@click.option(
    "--preset",
    "name",
    type=click.Choice(list(PRESETS)),
    default="light",
    help="Where settings not given come from.  [default: light, as fine-tuning]",
)
@click.option(
    "--rows",
    type=click.IntRange(1, 50),
    default=6,
    metavar="N",
    help="Pictures on the sheet.  [default: 6]",
)
@_settings
@options.network
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Same seed, same sheet.  [default: 0]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    pictures: Path,
    out: Path,
    name: str,
    rows: int,
    seed: int,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Write a sheet of a few PICTURES, each beside seven views that training could make of it.

    PICTURES is a folder (searched through), a file, or a pattern. Your files are only read, and
    the sheet never goes among them.

    \b
    headstart augment pets/
    headstart augment pets/ --preset strong --out strong.png
    headstart augment pets/ --rotation 20 --zoom 0.9 1.1 --seed 3

    Exit codes: 0 done, 2 wrong input, 3 done but some pictures could not be used.
    """  # noqa: D301
    from headstart.workflows.augment import run_augment

    console = Console(quiet=quiet)
    chosen = options.settings_of(given)
    network = {key: chosen.pop(key) for key in ("backbone", "weights", "cache") if key in chosen}
    sheet = run_augment(
        pictures,
        out,
        preset(name, **chosen),
        **network,
        num_pictures=rows,
        seed=seed,
        progress=console,
    )
    if as_json:
        print_json(sheet.to_json())
    elif not quiet:
        _show(console, sheet)
    click.get_current_context().exit(exit_code(row.reason for row in sheet.unusable))


def _in_use(augmentation: Augmentation) -> list[str]:
    """The settings that change something, in words."""
    plain = Augmentation()
    return [
        f"{name} {f'{value[0]:g}-{value[1]:g}' if name in RANGES else f'{value:g}'}"
        for name, value in vars(augmentation).items()
        if value != getattr(plain, name)
    ]


def _show(console: Console, sheet: Any) -> None:
    console.say(f"augmentation: {', '.join(_in_use(sheet.augmentation)) or 'none'}")
    for path, drawn in sheet.pictures:
        console.say(path)
        for words in drawn:
            console.say(f"    {words}")
    for row in sheet.unusable:
        console.say(f"  {row.path}: {row.reason} {row.detail}".rstrip())
    console.say(f"wrote {sheet.path}")
