"""The program `headstart`: its commands, and what errors and interruptions become.

Exit codes: 0 done · 1 a fault of ours · 2 the user's input · 3 done, but some pictures could not
be used · 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

import headstart
from headstart.cli.console import INTERRUPTED, let_go, printable
from headstart.errors import HeadstartError

# Imported when asked for: `headstart --help` loads none of them.
_COMMANDS = {
    "fit": "make a classifier from labelled pictures",
    "predict": "what do these pictures show?",
    "serve": "answer over HTTP, with a page of its own",
    "sort": "put pictures into a folder for each class",
    "similar": "which training pictures are most like these?",
    "evaluate": "judge a saved classifier on labelled pictures",
    "export": "write a classifier in a format of others",
    "check": "find what is wrong with a dataset",
    "matrix": "freeze or fine-tune? where the pictures lie, measured",
    "split": "write train and test folders, a folder per class",
    "augment": "look at pictures as training would change them",
    "backbones": "list the pretrained networks",
    "recipes": "list the recipes, or show one",
}

# What the system says about the user's places, not about our code.
_REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE),
)
_INTERRUPTED = "interrupted; what was computed is kept, run the same command to go on"


class _Commands(click.Group):
    """Commands in the order of the journey, each imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"headstart.cli.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            if near:
                message = f"{error.message} Did you mean {near[0]!r}?"
                raise click.UsageError(message, context) from error
            raise

    def invoke(self, context: click.Context) -> Any:
        """Whoever reads our output may have had enough (`headstart ... | head`)."""
        try:
            try:
                return super().invoke(context)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            let_go(sys.stdout)
            context.exit(0)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(headstart.__version__, prog_name="headstart")
def main() -> None:
    """From a folder of labelled pictures to an image classifier that can be trusted.

    \b
    headstart fit pets/                        learn, judge, save to pets.headstart/
    headstart predict pets.headstart cat.jpg   what does this picture show?
    headstart check pets/                      what is wrong with these pictures?
    """  # noqa: D301


def run(arguments: list[str] | None = None) -> Any:
    """Run the program and exit with its code."""
    _open_streams()
    try:
        sys.exit(main(arguments, standalone_mode=False) or 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _stop(_INTERRUPTED, INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except HeadstartError as error:
        _stop(_three_lines(error.what, error.expected, error.fix), 2)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        let_go(sys.stdout)  # that, too, may be a file on a full disk
        what = f"{error.filename or 'standard output'}: {error.strerror}"
        expected = "a file or folder that can be read and written"
        _stop(_three_lines(what, expected, "check the path, and who may use it"), 2)


def _open_streams() -> None:
    for name in ("stdout", "stderr"):
        # None: whoever started us has closed it.
        stream: Any = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115
        # A file name need not be text; what cannot be printed is spelled out.
        stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)


def _three_lines(*parts: str) -> str:
    return f"error: {HeadstartError(*map(printable, parts))}"


def _stop(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    run()
