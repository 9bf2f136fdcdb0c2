"""The error tree.

::

    HeadstartError
    ├── SettingError     (ValueError)        a setting is wrong, unknown or without effect
    ├── DatasetError     (ValueError)        the folder or table cannot be understood as a dataset
    ├── UnusableImage    (ValueError)        one picture cannot be read; carries a reason code
    ├── WeightsError     (FileNotFoundError) pretrained weights are missing, or do not fit
    ├── BundleError      (ValueError)        a saved classifier is damaged, foreign or too new
    ├── StoreError       (OSError)           the cache or the output folder cannot be written
    ├── MissingExtra     (ImportError)       an optional library is not installed
    └── NotEnoughData    (DatasetError)      too few classes or pictures to learn from and to judge

Every message has three lines: what happened (with value and place), what was expected, how to
fix it. The command line prints them without a traceback and exits 2.
"""

from __future__ import annotations

from typing import Any


class HeadstartError(Exception):
    """What every error of this package inherits.

    Args:
        what: What happened, with the value and the place.
        expected: What was expected instead.
        fix: What to do now: a command or an edit.
    """

    def __init__(self, what: str, expected: str = "", fix: str = "") -> None:
        super().__init__(what, expected, fix)
        self.what = what
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.expected:
            lines.append(f"expected: {self.expected}")
        if self.fix:
            lines.append(f"fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.what, self.expected, self.fix))


class SettingError(HeadstartError, ValueError):
    """A setting is wrong, unknown, or would have no effect."""


class DatasetError(HeadstartError, ValueError):
    """The folder or table cannot be understood as a dataset."""


class NotEnoughData(DatasetError):
    """Too few classes or pictures to learn from and to judge."""


class UnusableImage(HeadstartError, ValueError):
    """One picture cannot be read.

    Args:
        reason: A code of ``headstart.unusable.REASONS``, for example ``"truncated"``.
        detail: What was seen, in words; may be empty.
        path: Which one, where it is to be told to a person; otherwise it becomes a row.
    """

    def __init__(self, reason: str, detail: str = "", path: str = "") -> None:
        what = f"{reason}: {detail}" if detail else reason
        if path:
            what = f"{path} cannot be used: {what}"
            super().__init__(what, "a picture that can be decoded", "give another picture")
        else:
            super().__init__(what)
        self.reason = reason
        self.detail = detail
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.reason, self.detail, self.path))


class WeightsError(HeadstartError, FileNotFoundError):
    """Pretrained weights are missing, or do not fit the architecture."""


class BundleError(HeadstartError, ValueError):
    """A saved classifier is damaged, edited, foreign, or written by a newer version."""


class StoreError(HeadstartError, OSError):
    """The cache or the output folder cannot be written or read."""


class MissingExtra(HeadstartError, ImportError):
    """An optional library is not installed."""
