"""What names of classes give away: several labels at once, missing ones, splits, measurements."""

from __future__ import annotations

import re
from collections.abc import Container

from headstart.datasets.finding import Finding
from headstart.datasets.manifest import Manifest, counted, first_of
from headstart.datasets.split_words import split_of_cell

# As spreadsheets and pandas write a cell that holds nothing.
_MISSING = frozenset(
    [
        "nan",
        "na",
        "n/a",
        "#n/a",
        "<na>",
        "null",
        "nil",
        "none",
        "?",
        "-",
        "missing",
        "unlabeled",
        "unlabelled",
    ]
)
_MEASUREMENT = re.compile(r"[-+]?\d*\.\d*[1-9]\d*(e[-+]?\d+)?", re.IGNORECASE)
_MOSTLY = 0.5


def strange_names(manifest: Manifest) -> list[Finding]:
    """Every finding about the names of classes alone."""
    return [
        *_several_labels(manifest),
        *_missing_labels(manifest),
        *_splits(manifest),
        *_measurements(manifest),
    ]


def _several_labels(manifest: Manifest) -> list[Finding]:
    names = [name for name in manifest.counts if _is_several(name, manifest.counts)]
    meaning = "like several labels at once: every picture is of one class here"
    return _warning("several_labels", names, meaning)


def _is_several(name: str, classes: Container[str]) -> bool:
    """``dog,cat`` where ``cat`` is a class; ``dog cat`` where both are."""
    words = _parts(name, r"\s+")
    is_words = bool(words) and all(word in classes for word in words)
    return is_words or any(part in classes for part in _parts(name, r"\s*[,;|]\s*"))


def _parts(name: str, separator: str) -> list[str]:
    """What stands between separators; nothing where there is none."""
    parts = [part for part in re.split(separator, name.strip()) if part]
    return parts if len(parts) > 1 else []


def _missing_labels(manifest: Manifest) -> list[Finding]:
    names = [name for name in manifest.counts if name.strip().casefold() in _MISSING]
    meaning = "like a label that is missing: it is learnt as a class"
    return _warning("missing_labels", names, meaning)


def _splits(manifest: Manifest) -> list[Finding]:
    """A folder of test pictures beside the folders of classes."""
    names = [name for name in manifest.counts if split_of_cell(name)]
    return _warning("split_as_class", names, "like a split of the data: it is learnt as a class")


def _measurements(manifest: Manifest) -> list[Finding]:
    """Hardly two pictures with the same number: something to be measured, not told apart."""
    names = [name for name in manifest.counts if _MEASUREMENT.fullmatch(name.strip())]
    if len(names) < _MOSTLY * len(manifest):
        return []
    message = (
        f"{counted(len(names), 'class name is a number', 'class names are numbers')} with a "
        f"fraction, for {len(manifest)} pictures: a measurement, which is not what is learnt here"
    )
    return [Finding("measurements", "problem", len(names), message, tuple(names))]


def _warning(kind: str, names: list[str], meaning: str) -> list[Finding]:
    if not names:
        return []
    looks = counted(len(names), "class name looks", "class names look")
    message = f"{looks} {meaning} ({first_of(names)})"
    return [Finding(kind, "warning", len(names), message, tuple(names))]
