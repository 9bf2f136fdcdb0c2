"""Whether the file, not the picture, tells the class: size, shape, format, mode or JPEG quality.

Or the outermost part of the picture alone, where that tells nearly every one.

A classifier may learn such a difference instead of what is shown, and then fails on pictures from
anywhere else. It is measured: how often is a small decision tree right that sees nothing but the
file's property, on files it was not grown on?
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from headstart.datasets.facts import Facts
from headstart.datasets.finding import Finding
from headstart.datasets.manifest import Manifest, with_spaces

# Both must hold: chance is ruled out, and the gain is worth a sentence.
_DEVIATIONS = 4.0
_LEAST_FEWER_ERRORS = 0.2
_MANY_FEWER_ERRORS = 0.5
# Skies and backgrounds differ honestly too: only a border that tells nearly all is suspicious.
_NEARLY_ALL = 0.8
_DARK, _BRIGHT = 64, 192
_MOST_CLASSES_ONE_BY_ONE = 30
_MOST_LEAVES, _LEAST_IN_LEAF = 8, 5
_FOLDS = 5


def giveaways(manifest: Manifest, facts: Facts) -> list[Finding]:
    """One finding for each property that gives the class away.

    Args:
        manifest: The pictures.
        facts: Their files, in the same order.
    """
    # A copy would find itself again: each content counts once.
    rows = list({digest: row for row, digest in enumerate(facts.digests)}.values())
    labels = [manifest.labels[row] for row in rows]
    if len(set(labels)) > len(labels) / 2:
        return []  # a tree could not learn them
    facts = facts.select(rows)
    sizes = list(zip(facts.widths.tolist(), facts.heights.tolist(), strict=True))
    found = (
        _giveaway("size in pixels", sizes, _size_columns(facts), labels),
        _giveaway("file format", facts.formats, _one_hot(facts.formats), labels),
        _giveaway("colour mode", facts.modes, _one_hot(facts.modes), labels),
        _giveaway("JPEG quality", facts.qualities.tolist(), _column(facts.qualities), labels),
    )
    return [finding for finding in (*found, _border(facts, labels)) if finding]


def _border(facts: Facts, labels: Sequence[str]) -> Finding | None:
    """How bright and how even it is, by the thumbnails."""
    side = math.isqrt(facts.thumbnails.shape[1])
    inside = np.zeros((side, side), dtype=bool)
    inside[1:-1, 1:-1] = True
    border = facts.thumbnails[:, ~inside.ravel()].astype(np.float64)
    brightness = border.mean(axis=1)
    words = np.select([brightness < _DARK, brightness > _BRIGHT], ["dark", "bright"], "medium")
    columns = np.column_stack([brightness, border.std(axis=1)])
    found = _giveaway("border of the picture", words.tolist(), columns, labels, _NEARLY_ALL)
    return found and replace(found, severity="warning")


@dataclass(frozen=True)
class _Clue:
    """How often a property answers a question, and how often the commonest answer does."""

    what: str
    right: float
    baseline: float
    number: int

    @property
    def fewer_errors(self) -> float:
        return (self.right - self.baseline) / (1 - self.baseline)

    @property
    def deviations(self) -> float:
        error = np.sqrt(self.baseline * (1 - self.baseline) / self.number)
        return float((self.right - self.baseline) / error)


def _giveaway(
    name: str,
    values: Sequence[Hashable],
    columns: npt.NDArray[np.float64],
    labels: Sequence[str],
    least: float = _LEAST_FEWER_ERRORS,
) -> Finding | None:
    if (columns == columns[0]).all() or len(set(labels)) == 1:
        return None
    best = max(_clues(columns, np.array(labels)), key=lambda clue: clue.fewer_errors)
    if best.deviations <= _DEVIATIONS or best.fewer_errors < least:
        return None
    return Finding(
        kind="giveaway",
        severity="problem" if best.fewer_errors >= _MANY_FEWER_ERRORS else "warning",
        count=len(labels),
        message=f"the {name} alone tells {best.what} for {best.right:.0%} of "
        f"{with_spaces(len(labels))} pictures; one answer for all is right for "
        f"{best.baseline:.0%} (+{100 * (best.right - best.baseline):.0f} points)",
        examples=tuple(_typical(values, labels)),
    )


def _clues(columns: npt.NDArray[np.float64], labels: npt.NDArray[np.str_]) -> Iterator[_Clue]:
    """Which class is it? And for each: is it this one or another?"""
    yield _measure("the class", columns, labels)
    names = np.unique(labels)
    if 2 < len(names) <= _MOST_CLASSES_ONE_BY_ONE:
        for name in names:
            yield _measure(f"{name} from the rest", columns, labels == name)


def _measure(
    what: str, columns: npt.NDArray[np.float64], answers: npt.NDArray[np.generic]
) -> _Clue:
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=_MOST_LEAVES, min_samples_leaf=_LEAST_IN_LEAF, random_state=0
    )
    folds = KFold(min(_FOLDS, len(answers)), shuffle=True, random_state=0)
    index = np.unique(answers, return_inverse=True)[1]
    right = float((cross_val_predict(tree, columns, index, cv=folds) == index).mean())
    return _Clue(what, right, float(np.bincount(index).max() / len(index)), len(index))


def _size_columns(facts: Facts) -> npt.NDArray[np.float64]:
    widths, heights = facts.widths.astype(np.float64), facts.heights.astype(np.float64)
    return np.column_stack([widths, heights, widths * heights, np.log(widths / heights)])


def _column(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return values[:, None].astype(np.float64)


def _one_hot(values: Sequence[str]) -> npt.NDArray[np.float64]:
    one_hot = np.array(values)[:, None] == np.unique(values)[None, :]
    return np.asarray(one_hot, dtype=np.float64)


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
