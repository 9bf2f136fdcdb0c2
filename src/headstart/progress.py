"""Progress, told to whoever asked: nothing below ``cli/`` prints."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a workflow tells while it works. The command line draws it; the default is silent."""

    def say(self, line: str) -> None:
        """One finished fact, in one line."""

    def start(self, what: str, total: int) -> None:
        """A countable piece of work begins; at most one is under way."""

    def advance(self, count: int = 1) -> None:
        """``count`` units of it are done."""

    def stop(self) -> None:
        """It has ended."""


class Silent:
    """Says nothing."""

    def say(self, line: str) -> None:
        """Nothing."""

    def start(self, what: str, total: int) -> None:
        """Nothing."""

    def advance(self, count: int = 1) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""
