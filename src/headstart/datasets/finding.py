"""One thing that was seen in a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

SEVERITIES = ("problem", "warning", "note")

_MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """What was seen, how often, and where.

    Args:
        kind: A code, for example ``"leakage"``.
        severity: ``"problem"`` (results would mislead), ``"warning"`` or ``"note"``.
        count: How many pictures, classes or rows it is about.
        message: One sentence.
        examples: A few of them, in words.
    """

    kind: str
    severity: str
    count: int
    message: str
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"unknown severity {self.severity!r}")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "examples": list(self.examples)}


def a_few(examples: Iterable[str]) -> tuple[str, ...]:
    """As many examples as a finding shows."""
    return tuple(islice(examples, _MOST_EXAMPLES))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Problems, then warnings, then notes, each in the order given."""
    order: Sequence[str] = SEVERITIES
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
