"""Options that several commands share, and how they become a recipe."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from headstart.cli.shares import seconds, share
from headstart.errors import SettingError

F = TypeVar("F", bound=Callable[..., Any])


def reading(function: F) -> F:
    """How the pictures are understood."""
    for option in reversed(
        [
            click.option(
                "--label-pattern",
                metavar="REGEX",
                help="Finds the label in a file's name (in its path, if it has a /): "
                "the group named label, else the first.",
            ),
            click.option(
                "--group-pattern",
                metavar="REGEX",
                help="Finds the group (patient, burst, ...) in a file's path; a group is never "
                "split apart. none: there are no groups, also where a column or names hold them.",
            ),
            click.option("--image-column", metavar="NAME", help="Column of the file names."),
            click.option("--label-column", metavar="NAME", help="Column of the labels."),
            click.option("--group-column", metavar="NAME", help="Column of the groups."),
            click.option("--split-column", metavar="NAME", help="Column of train/test."),
            click.option(
                "--images",
                type=click.Path(path_type=Path),
                metavar="FOLDER",
                help="Folder of the files that a table names.",
            ),
            click.option(
                "--merge",
                multiple=True,
                metavar="A=B",
                help="Class A becomes class B; may be repeated.",
            ),
        ]
    ):
        function = option(function)
    return function


_WAYS = {
    "copy": "Copy them (the default).",
    "hard-link": "A second name, no second copy.",
    "symlink": "Links to where they are.",
    "move": "Move them: FROM no longer has them.",
    "manifest-only": "Write the tables only.",
}


def ways(*names: str) -> Callable[[F], F]:
    """How pictures come to their place: a flag for each way, of which one may be given."""

    def decorated(function: F) -> F:
        for name in reversed(names):
            function = click.option(f"--{name}", is_flag=True, help=_WAYS[name])(function)
        return function

    return decorated


def way_of(given: dict[str, Any]) -> str:
    """The way that was given; its flags are taken out of the options.

    Raises:
        SettingError: There are two.
    """
    flags = [name for name in _WAYS if given.pop(name.replace("-", "_"), False)]
    if len(flags) > 1:
        both = " and ".join(f"--{name}" for name in flags)
        raise SettingError(f"{both} at once", "one way", f"leave --{flags[-1]} out")
    return flags[0] if flags else "copy"


def network(function: F) -> F:
    """Which backbone, and where its features are kept."""
    for option in reversed(
        [
            click.option(
                "--backbone",
                metavar="NAME",
                help="A name of `headstart backbones`, a Keras name, or any timm name; A+B: two "
                "side by side; for fit also auto: the best of those installed for these pictures "
                "(auto:A,B: of these).  [default: efficientnet_lite0; in fit with "
                "efficientnet_lite2 beside it where that proves better]",
            ),
            click.option(
                "--weights",
                metavar="FILE",
                help="A .safetensors, .pth, .h5 or .keras file; or `random`: nothing learned.",
            ),
        ]
    ):
        function = option(function)
    return cache(function)


def cache(function: F) -> F:
    """Where what was computed is kept."""
    return click.option(
        "--cache",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Where features are kept.  [default: HEADSTART_CACHE, or the user's cache]",
    )(function)


def seeing(function: F) -> F:
    """What of the pictures the backbone sees, and what of it the heads."""
    for option in reversed(
        [
            click.option(
                "--input-size",
                type=int,
                metavar="PIXELS",
                help="Side of the pictures that the backbone sees.  [default: its own]",
            ),
            click.option(
                "--tta",
                type=click.Choice(["none", "mirror", "flips", "turns"]),
                help="Test-time augmentation: features are the mean over the picture and its "
                "mirror image, also over both upside down, or also over quarter turns (2, 4 or 8 "
                "times the network's time).  [default: none]",
            ),
            click.option(
                "--pooling",
                type=click.Choice(["average", "max", "flatten"]),
                help="What heads see of the last feature map.  [default: the backbone's taps]",
            ),
        ]
    ):
        function = option(function)
    return function


def drawing(function: F) -> F:
    """How the test pictures are drawn."""
    for option in reversed(
        [
            click.option(
                "--split",
                type=click.Choice(["stratified", "random"]),
                help="How test pictures are drawn: each class its share, copies and groups kept "
                "together; or as scikit-learn's train_test_split.  [default: stratified]",
            ),
            click.option(
                "--split-seed", type=int, help="Of that drawing.  [default: that of --seed]"
            ),
        ]
    ):
        function = option(function)
    return function


def beside(function: F) -> F:
    """What is told and kept besides."""
    for option in reversed(
        [
            click.option(
                "--own-choice/--no-own-choice",
                default=None,
                help="Also train what Headstart would choose, on the same split, and compare.",
            ),
            click.option(
                "--keep-codes/--no-keep-codes",
                default=None,
                help="Keep the features that the head sees in codes.npz of the bundle.",
            ),
            click.option(
                "--gallery",
                type=click.IntRange(min=0),
                metavar="N",
                help="Training pictures kept for `headstart similar`.  [default: 100000]",
            ),
            click.option(
                "--set",
                "others",
                multiple=True,
                metavar="NAME=VALUE",
                help="Any setting of a recipe, as its TOML has it; may be repeated.",
            ),
        ]
    ):
        function = option(function)
    return function


def precision(function: F) -> F:
    """What the network computes with."""
    return click.option(
        "--precision",
        metavar="NAME",
        help="f32, bf16 (faster where the processor has it, slightly other features), "
        "or auto: bf16 where a head answers alike on these pictures.  [default: f32]",
    )(function)


def device(function: F) -> F:
    """Where networks are run."""
    return click.option(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1 (another card), or mps.  [default: auto, a graphics card where "
        "torch sees one]",
    )(function)


def max_error(default: str) -> Callable[[F], F]:
    """When to be unsure; ``default`` says what holds without it."""
    return click.option(
        "--max-error",
        type=share,
        metavar="X",
        help="Be unsure so often that at most this share of the answers is wrong, as 1% or 0.01.  "
        f"[default: {default}]",
    )


def tuning(function: F) -> F:
    """How far the backbone is adapted, and how."""
    for option in reversed(
        [
            click.option(
                "--strategy",
                type=click.Choice(["auto", "freeze", "partial", "full", "scratch"]),
                help="Keep the network frozen, train its last blocks, all of it, or from random "
                "weights.  [default: auto, as far as the evidence asks for]",
            ),
            click.option(
                "--train-from",
                metavar="WHERE",
                help="What learns besides the head: top1, top2, ... (the last blocks), stage5 "
                "(and all after it), affine (scales and shifts), all, scratch.",
            ),
            click.option(
                "--time-limit",
                type=seconds,
                metavar="TIME",
                help="For fine-tuning, the last training included: 90s, 15m, 2h.  "
                "[default: 20m with auto]",
            ),
            click.option("--epochs", type=int, help="Of fine-tuning.  [default: the rung's own]"),
            click.option(
                "--steps-per-epoch", type=int, help="Of fine-tuning.  [default: every picture once]"
            ),
            click.option(
                "--frozen-epochs",
                type=int,
                help="The first epochs, in which only the head learns.  [default: 0]",
            ),
            click.option("--batch-size", type=int, help="Of fine-tuning."),
            click.option(
                "--start",
                type=click.Choice(["probe", "zeros"]),
                help="The head that fine-tuning starts from: fitted on the frozen features, or one "
                "that knows nothing.  [default: probe]",
            ),
            click.option(
                "--optimizer",
                type=click.Choice(["adamw", "sgd", "rmsprop"]),
                help="Of fine-tuning.  [default: adamw]",
            ),
            click.option("--learning-rate", type=float, help="Of the last block, in fine-tuning."),
            click.option("--head-learning-rate", type=float, help="Of the head, in fine-tuning."),
            click.option(
                "--schedule",
                type=click.Choice(["cosine", "one-cycle", "constant"]),
                help="Of the learning rates.  [default: cosine]",
            ),
            click.option("--weight-decay", type=float, help="In fine-tuning."),
            click.option("--dropout", type=float, help="Of the features, in fine-tuning."),
            click.option(
                "--augmentation",
                metavar="WHAT",
                help="In fine-tuning: none, light, standard, strong, or settings of `headstart "
                "augment`, as rotation=40,shift=0.2,zoom=0.2,flip=true or light,rotation=10.",
            ),
            click.option(
                "--workers",
                type=int,
                help="Processes that fine-tune together, on the Ray cluster at RAY_ADDRESS or on "
                "this machine.  [default: 1]",
            ),
        ]
    ):
        function = option(function)
    return function


def everywhere(function: F) -> F:
    """What every command has."""
    for option in reversed(
        [
            click.option("--seed", type=int, help="Same seed, same result.  [default: 0]"),
            click.option("--threads", type=int, help="Processor cores to use.  [default: all]"),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON value."),
            click.option("--quiet", "-q", is_flag=True, help="Show errors only."),
        ]
    ):
        function = option(function)
    return function


def settings_of(options: dict[str, Any]) -> dict[str, Any]:
    """Recipe settings from what was given on the command line; what was not given is left out.

    Raises:
        SettingError: A ``--merge`` is not of the form A=B, a ``--set`` not of TOML.
    """
    settings = {name: value for name, value in options.items() if value not in (None, (), [])}
    if "merge" in settings:
        settings["merge"] = tuple(_pair(text) for text in settings["merge"])
    for text in settings.pop("others", ()):
        settings |= _set(text)
    return settings


def _set(text: str) -> dict[str, Any]:
    """One setting in TOML; a word needs no quotes on the command line."""
    name, equals, value = (part.strip() for part in text.partition("="))
    for written in (value, json.dumps(value)):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            if name and equals:
                return {name: tomllib.loads(f"value = {written}")["value"]}
    raise SettingError(f"--set {text!r}", "a setting: --set NAME=VALUE", "--set say_every=1000")


def _pair(text: str) -> tuple[str, str]:
    first, equals, second = text.partition("=")
    if not (first and equals and second):
        raise SettingError(f"--merge {text!r}", "two class names: --merge A=B", "--merge kat=cat")
    return first, second
