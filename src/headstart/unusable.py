"""Pictures that could not be used: one row each, never an exception that ends the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.errors import NotEnoughData

REASONS = {
    "empty": "the file has no bytes",
    "not_an_image": "the content is not an image",
    "format_not_supported": "an image, but of a format that is not read",
    "needs_extra": "an image whose decoder is not installed",
    "truncated": "the file ends before the image does",
    "corrupt": "the image data is broken",
    "too_large": "more pixels or bytes than the limit",
    "too_slow": "decoding took longer than the limit",
    "vanished": "no file is there under this name, or no longer",
    "unreadable": "the operating system refused to read the file",
    "no_file": "a row of the table names a file that is not there",
    "no_row": "a file that no row of the table names",
    "ambiguous_file": "a row of the table names a file that exists in several places",
    "no_label": "no label could be found for this file",
    "left_out": "it is in a folder that was left out as a whole",
    "conflicting_labels": "rows give the same file different labels",
    "non_finite": "the network gave values that are not finite",
}

# No fault of a picture: files that a table does not list, folders that have no labels.
NOTES = frozenset({"no_row", "left_out"})


@dataclass(frozen=True, order=True)
class Unusable:
    """A picture, or a row of a table, that could not be used.

    Args:
        path: As the user would write it, relative to the dataset's folder where there is one.
        reason: A key of ``REASONS``.
        detail: What was seen, in words; may be empty.
    """

    path: str
    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"unknown reason {self.reason!r}")


def nothing_usable(pictures: str | os.PathLike[str], unusable: Sequence[Unusable]) -> NotEnoughData:
    """The error where no picture is left, with the first of the reasons."""
    return NotEnoughData(
        f"no picture of {os.fspath(pictures)} can be used ({refused(unusable)})",
        "pictures that can be decoded",
        f"headstart check {os.fspath(pictures)}",
    )


def refused(unusable: Sequence[Unusable]) -> str:
    """How many, and the first with its reason."""
    first = unusable[0] if unusable else None
    example = f"; first: {first.path}: {first.reason} {first.detail}" if first else ""
    return f"{len(unusable)} refused{example.rstrip()}"
