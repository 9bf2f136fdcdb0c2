"""Labels from file names: ``cat.123.jpg``, ``rolled-in_scale_12.jpg``, or as a pattern says."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from headstart.datasets.folders import Labelled, Row, Sections, with_leftovers
from headstart.datasets.manifest import BY_NAMES, counted, first_of
from headstart.datasets.walking import suffix_of
from headstart.errors import SettingError
from headstart.labels import spelling
from headstart.unusable import Unusable

_NUMBERED = re.compile(r"(.*?)[\s._\-#]*\(?[0-9]+\)?", re.DOTALL)
_EXAMPLES = {"label": r"^(.+)_\d+", "group": r"(patient\d+)"}


def labelled_by_names(found: Sections) -> Labelled | None:
    """Labels that file names carry before their number, or None where they carry none.

    The training section says which labels there are; a held-out section without any of them
    (``test/1.jpg``) is left out.
    """
    labels = labels_in_names(found.first.pictures())
    if not labels:
        return None
    known = set(map(spelling, labels.values()))

    def label_of(name: str) -> str:
        return labels.get(name) or _known_label(_stem(name), known)

    return _labelled(found, label_of, "its name tells no class")


def labelled_like(found: Sections, known: Iterable[str]) -> Labelled | None:
    """Labels of a separate test folder whose file names begin with classes that are known."""
    classes = set(map(spelling, known))
    labelled = _labelled(found, lambda name: _known_label(_stem(name), classes), "no known class")
    return labelled if labelled.rows else None


def labelled_by_pattern(found: Sections, pattern: str) -> Labelled:
    """Labels that a regular expression finds.

    Args:
        found: The folder's sections.
        pattern: Searched in the file's name, or in its whole id where the pattern holds a ``/``.
            The label is the group named ``label``, else the first group.

    Raises:
        SettingError: The pattern has no group, or finds nothing.
    """
    search = compiled(pattern, "label_pattern", "label")
    labelled = _labelled(
        found,
        lambda name: search(name if "/" in pattern else PurePosixPath(name).name),
        "the pattern finds no label",
    )
    if not labelled.rows:
        examples = [row.path for row in labelled.unusable]
        raise SettingError(
            f"label_pattern '{pattern}' finds no label, as in {first_of(examples, 2)}",
            "a regular expression whose group is the label",
            r"for cat_12.jpg: --label-pattern '^(.+)_\d+'",
        )
    return labelled


def compiled(pattern: str, setting: str, group: str) -> Callable[[str], str]:
    """A function from a name to what the pattern's group finds in it, ``""`` for nothing.

    Raises:
        SettingError: It is no regular expression, or it has no group.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise _bad_pattern(
            setting, pattern, f"is no regular expression: {error}", _EXAMPLES[group]
        ) from error
    if not expression.groups:
        raise _bad_pattern(setting, pattern, "has no group in brackets", f"({pattern})")
    which: str | int = group if group in expression.groupindex else 1

    def search(name: str) -> str:
        match = expression.search(name)
        return (match[which] or "") if match else ""

    return search


def labels_in_names(ids: Iterable[str]) -> dict[str, str]:
    """The label of each id whose name is a label and a number; empty where names carry none.

    Names carry labels when at least half of them end in a number, two different labels stand
    before it, and most labels come more than once.
    """
    stems = {name: _stem(name) for name in ids}
    labels = _collapsed({name: _before_number(stem) for name, stem in stems.items()})
    counts = Counter(labels.values())
    repeated = sum(count > 1 for count in counts.values())
    if len(counts) < 2 or 2 * repeated <= len(counts) or 2 * len(labels) < len(stems):
        return {}
    return {name: stem for name, stem in stems.items() if stem in counts} | labels


def _collapsed(labels: dict[str, str | None]) -> dict[str, str]:
    """Labels without a second number (``cat_12`` of ``cat_12_3``) where they differ only in it."""
    found = {name: label for name, label in labels.items() if label}
    shorter: dict[str, str | None] = {
        name: label if (before := _before_number(label)) is None else before
        for name, label in found.items()
    }
    fewer = len(set(shorter.values())) < len(set(found.values()))
    return _collapsed(shorter) if fewer else found


def _before_number(stem: str) -> str | None:
    match = _NUMBERED.fullmatch(stem)
    return match[1] if match else None


def _known_label(stem: str, known: set[str]) -> str:
    """The stem, or what stands before its numbers, if that is a known class; else ``""``."""
    text: str | None = stem
    while text and spelling(text) not in known:
        text = _before_number(text)
    return text or ""


def _stem(name: str) -> str:
    file = PurePosixPath(name).name
    suffix = suffix_of(file)
    return file[: len(file) - len(suffix)]


def _labelled(found: Sections, label_of: Callable[[str], str], why_not: str) -> Labelled:
    rows: list[Row] = []
    notes = list(found.notes)
    unusable: list[Unusable] = []
    left_out = list(found.left_out)
    for place, (split, part) in enumerate(found.parts):
        labels = {name: label_of(name) for name in part.pictures()}
        if place and not any(labels.values()):
            notes.append(f"{part.id}/ is left out: {_files(len(labels))} without a label")
            left_out += labels
            continue
        rows += [Row(name, label, split) for name, label in labels.items() if label]
        unusable += [
            Unusable(name, "no_label", why_not) for name, label in labels.items() if not label
        ]
    labelled = Labelled(tuple(rows), BY_NAMES, tuple(notes), tuple(unusable))
    return with_leftovers(labelled, found.beside, left_out=left_out)


def _files(number: int) -> str:
    return counted(number, "file", "files")


def _bad_pattern(setting: str, pattern: str, why: str, better: str) -> SettingError:
    return SettingError(
        f"{setting} '{pattern}' {why}",
        "a regular expression with one group in brackets",
        f"--{setting.replace('_', '-')} {shlex.quote(better)}",
    )
