"""Whether the file, not the picture, tells the class: its size, shape, format or colour mode.

A classifier may learn such a difference instead of what is shown, and then fails on pictures from
anywhere else. It is measured: how often is the class right that most other pictures with the very
same value have?
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from headstart.datasets.facts import Facts
from headstart.datasets.finding import Finding, a_few
from headstart.datasets.manifest import Manifest, with_spaces

# Both must hold: chance is ruled out, and the gain is worth a sentence.
_DEVIATIONS = 4.0
_LEAST_FEWER_ERRORS = 0.2
_MANY_FEWER_ERRORS = 0.5


def giveaways(manifest: Manifest, facts: Facts) -> list[Finding]:
    """One finding for each property that gives the class away.

    Args:
        manifest: The pictures.
        facts: Their files, in the same order.
    """
    # A copy would find itself again: each content counts once.
    rows = list({digest: row for row, digest in enumerate(facts.digests)}.values())
    labels = [manifest.labels[row] for row in rows]
    facts = facts.select(rows)
    sizes = list(zip(facts.widths.tolist(), facts.heights.tolist(), strict=True))
    aspects = np.round(20 * np.log(facts.widths / np.maximum(facts.heights, 1))).astype(int)
    properties: dict[str, Sequence[Hashable]] = {
        "size in pixels": sizes,
        "aspect ratio": aspects.tolist(),
        "file format": facts.formats,
        "colour mode": facts.modes,
    }
    found = (_giveaway(name, values, labels) for name, values in properties.items())
    return [finding for finding in found if finding]


def leave_one_out(values: Sequence[Hashable], labels: Sequence[str]) -> float:
    """Share of rows whose class is what most of the other rows with the same value have.

    A row whose value no other row has is answered with the largest class of all; classes that are
    equally frequent share the answer.
    """
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        counts[value][label] += 1
    largest = Counter(labels).most_common(1)[0][0]
    right = 0.0
    for counted in counts.values():
        for label, number in counted.items():
            others = counted - Counter({label: 1})
            most = max(others.values(), default=0)
            winners = [name for name, count in others.items() if count == most] or [largest]
            right += number * (label in winners) / len(winners)
    return right / len(labels)


def _giveaway(name: str, values: Sequence[Hashable], labels: Sequence[str]) -> Finding | None:
    number = len(labels)
    baseline = Counter(labels).most_common(1)[0][1] / number if number else 1.0
    if baseline == 1.0 or len(set(values)) == 1:
        return None
    right = leave_one_out(values, labels)
    deviations = (right - baseline) / np.sqrt(baseline * (1 - baseline) / number)
    fewer_errors = (right - baseline) / (1 - baseline)
    if deviations <= _DEVIATIONS or fewer_errors < _LEAST_FEWER_ERRORS:
        return None
    return Finding(
        kind="giveaway",
        severity="problem" if fewer_errors >= _MANY_FEWER_ERRORS else "warning",
        count=number,
        message=f"the {name} alone tells the class of {right:.0%} of {with_spaces(number)} "
        f"pictures; naming the largest class is right for {baseline:.0%} "
        f"(+{100 * (right - baseline):.0f} points)",
        examples=a_few(_typical(values, labels)),
    )


def _typical(values: Sequence[Hashable], labels: Sequence[str]) -> list[str]:
    """The most frequent values, and the class that most pictures with them have."""
    together: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        together[value][label] += 1
    return [
        f"{_in_words(value)}: {label} {with_spaces(count)} of {with_spaces(total)}"
        for value, total in Counter(values).most_common(5)
        for label, count in together[value].most_common(1)
    ]


def _in_words(value: Hashable) -> str:
    return " × ".join(map(str, value)) if isinstance(value, tuple) else str(value)
