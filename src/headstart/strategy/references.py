"""Named picture sets and how far each lies from a backbone's pretraining: numbers, no pictures.

`references.json` holds tables for the offline backbones; `references.json` in the cache folder
those that the user built (``benchmarks/references.py``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headstart.strategy.distance import MEASURE

TABLE = "references.json"
SHIPPED = Path(__file__).with_name(TABLE)

# Scores this near to a reference count it by a part only: without it, a score that moves by a
# little between two neighbours would move the percentile by a lot.
_BLUR = 0.4


@dataclass(frozen=True)
class Reference:
    """One picture set.

    Args:
        name: In words, as it is shown.
        score: As of `distance.Distance`.
        thirds: Likewise.
    """

    name: str
    score: float
    thirds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As it stands in the table."""
        return asdict(self)


def references_of(fingerprint: str, cache: Path) -> tuple[Reference, ...]:
    """The table of one backbone, most similar first; empty where there is none.

    What was measured in another way than `distance` does now is left out.
    """
    tables = (_table(place).get(fingerprint, {}) for place in (cache / TABLE, SHIPPED))
    current = [table["sets"] for table in tables if table.get("measure") == MEASURE]
    references = [Reference(**row) for row in current[0]] if current else []
    return tuple(sorted(references, key=lambda reference: reference.score))


def percentile(score: float, references: Sequence[float]) -> float:
    """Share of the references that are less similar, in percent: 100 is like pretraining."""
    less = [_logistic((reference - score) / _BLUR) for reference in references]
    return 100 * sum(less) / len(less)


def _table(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}


def _logistic(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))
