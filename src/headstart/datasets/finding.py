"""One thing that was seen in a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headstart.datasets.manifest import with_spaces

SEVERITIES = ("problem", "warning", "note")

_FEW = 5


@dataclass(frozen=True)
class Finding:
    """What was seen, how often, and where.

    Args:
        kind: A code, for example ``"leakage"``.
        severity: ``"problem"`` (results would mislead), ``"warning"`` or ``"note"``.
        count: How many pictures, classes or rows it is about.
        message: One sentence.
        examples: Each of them, in words; of what is no list of pictures, the most telling.
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
        """Plain values, with every example."""
        return {**vars(self), "examples": list(self.examples)}

    @property
    def shown(self) -> tuple[str, ...]:
        """A few of the examples, and how many more there are."""
        more = len(self.examples) - _FEW
        return (*self.examples[:_FEW], *([f"and {with_spaces(more)} more"] if more > 0 else []))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Problems, then warnings, then notes, each in the order given."""
    order: Sequence[str] = SEVERITIES
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
