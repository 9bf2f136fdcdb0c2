"""What a person sees: progress on standard error, what was asked for on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click

from headstart.unusable import NOTES

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 10.0


class Console:
    """Draws progress: a bar on a terminal, now and then a line elsewhere, nothing when quiet.

    Args:
        quiet: Only errors are shown.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._what, self._total, self._done, self._last = "", 0, 0, 0.0
        # Also after an error the terminal gets its cursor back.
        if context := click.get_current_context(silent=True):
            context.call_on_close(self.stop)

    def say(self, line: str) -> None:
        """One line."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
            return
        try:
            print(printable(line), file=sys.stderr, flush=True)
        except BrokenPipeError:  # nobody listens any more; the work goes on
            let_go(sys.stderr)
            self._quiet = True

    def answer(self, line: str) -> None:
        """One line of what was asked for."""
        if not self._quiet:
            print(printable(line))

    def start(self, what: str, total: int) -> None:
        """A countable piece of work begins."""
        self._what, self._total, self._done = what, total, 0
        self._last = time.monotonic()
        if not self._quiet and sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()

    def advance(self, count: int = 1) -> None:
        """``count`` units are done."""
        self._done += count
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self.say(f"{self._what} {self._done}/{self._total}")

    def stop(self) -> None:
        """It has ended."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


# The exit code of a command that a person ended.
INTERRUPTED = 130


def exit_code(reasons: Iterable[str]) -> int:
    """3 when pictures that should have been used could not be, else 0."""
    return 3 if set(reasons) - NOTES else 0


def print_json_rows(values: Iterable[Any]) -> None:
    """One JSON array, alone on standard output, row by row as they come."""
    separator = "["
    try:
        for value in values:
            print(f"{separator}\n{json.dumps(value, ensure_ascii=True, allow_nan=False)}", end="")
            separator = ","
    finally:
        # Whatever ended it: what was printed is JSON.
        print("[]" if separator == "[" else "\n]")


def print_json(value: Any) -> None:
    """One JSON value, alone on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))


def printable(text: str) -> str:
    """Text that stays on its line and commands no terminal: control characters spelled out."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Cs")
        else character
        for character in text
    )


def let_go(stream: TextIO) -> None:
    """Send what is left for a stream whose reader has gone to nowhere: Python flushes at its end.

    Source: the note on SIGPIPE in the documentation of Python's ``signal``.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _bar() -> Bar:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    return Progress(
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        BarColumn(bar_width=30),
        Remaining(elapsed_when_finished=True),
        console=RichConsole(stderr=True),
    )
