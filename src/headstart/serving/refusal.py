"""A request that is not answered as it was meant: the status, and why, in three lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headstart.errors import HeadstartError
from headstart.model.prediction import Prediction

# By a picture's reason. Bytes that are no picture that can be read are a wrong type of content;
# a picture that is broken is content that cannot be processed.
_STATUS = {
    "too_large": 413,
    "not_an_image": 415,
    "format_not_supported": 415,
    "needs_extra": 415,
}


# Where the files as they were taken are no better.
_FIX = {
    "too_large": "scale it down",
    "too_slow": "save it again, smaller or as JPEG",
}


class Refusal(Exception):
    """Ends the work on a request.

    Args:
        status: HTTP's.
        what: What happened, with the value.
        expected: What was expected instead.
        fix: What to do now.
        headers: Of the answer.
        more: Further keys of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        expected: str,
        fix: str,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.error = HeadstartError(what, expected, fix)
        self.headers = headers or {}
        self.more = more

    def body(self) -> bytes:
        """The answer; ``error`` is a string because the Open Inference Protocol wants one."""
        error = self.error
        return as_json(
            {"error": error.what, "expected": error.expected, "fix": error.fix, **self.more}
        )


def as_json(value: Any) -> bytes:
    """One line of ASCII, so that any file name survives; never NaN."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def too_busy(what: str) -> Refusal:
    """More than can be done now."""
    return Refusal(
        503, what, "fewer requests at once", "try again in a second", {"retry-after": "1"}
    )


def not_usable(unusable: Sequence[Prediction], number: int, rows: list[dict[str, Any]]) -> Refusal:
    """Pictures of a request could not be used; the rows say of each what became of it."""
    first = unusable[0].reason or ""
    reason = first.partition(":")[0]
    fix = _FIX.get(reason, "send the files as they were taken")
    return Refusal(
        _STATUS.get(reason, 422),
        f"{len(unusable)} of {number} pictures could not be used; first: {first}",
        "pictures in JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, whole and not too large",
        f"{fix}; docs/bad-pictures.md explains the reasons",
        predictions=rows,
    )
