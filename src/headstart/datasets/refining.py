"""From what was read to what is meant: joined, merged, spelled alike, grouped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from headstart.datasets.manifest import Manifest, counted, first_of
from headstart.datasets.names import compiled
from headstart.errors import DatasetError, SettingError
from headstart.labels import class_names, match_names, merge_option, similar, spelling
from headstart.unusable import NOTES, Unusable


def joined(train: Manifest, test: Manifest) -> Manifest:
    """One dataset of a folder to learn from and a separate one to judge by.

    Raises:
        SettingError: One of them has splits that contradict this; or nothing is left to learn from.
    """
    if "test" in train.splits:
        raise SettingError(
            f"{train.root} has a test split of its own",
            "one test split",
            "leave --test out, or give only the training folder",
        )
    if set(test.splits) - {"", "test"}:
        raise SettingError(
            f"{test.root} has splits of its own",
            "a folder or table of which everything is to judge by",
            "give its test folder",
        )
    skipped, others = Counter(dict(train.skipped)), Counter(dict(test.skipped))
    train = replace(train, notes=_without_judges(train, test))
    same = train.root.absolute() == test.root.absolute()
    skipped = skipped & others if same else skipped + others
    train, test = _below_one_root(train, test)
    kept, moved = _without(train, set(test.ids))
    if not kept.ids:
        raise SettingError(
            f"--test names every picture of {train.name or train.root}: none is left to learn from",
            "test pictures beside those that are learnt from",
            "leave --test out: a share of the pictures is then drawn to judge by",
        )
    rows = sorted([*_rows(kept, "train"), *_rows(test, "test")])
    ids, labels, splits, groups = zip(*rows, strict=True)
    return replace(
        train,
        ids=ids,
        labels=labels,
        splits=splits,
        groups=groups,
        notes=(*train.notes, *test.notes, *moved),
        unusable=_unusable_in_neither(train, test),
        skipped=tuple(sorted(skipped.items())),
    )


def merged(
    manifest: Manifest, merge: Sequence[tuple[str, str]], known: Sequence[str] = ()
) -> Manifest:
    """Class a becomes class b, for each (a, b) in order; it is noted where there was no b.

    Raises:
        SettingError: There is no class a, or it is b already.
    """
    labels = list(manifest.labels)
    notes = []
    for old, new in ((old.strip(), new.strip()) for old, new in merge):
        if old not in labels or old == new or not new:
            near = similar(old, set(labels) - {new})
            raise SettingError(
                f"merge {old}={new} has no effect: "
                + ("they are the same" if old == new else f"there is no class {old!r}"),
                f"one of {first_of(class_names(labels), 10)}",
                f"did you mean {near[0]!r}?" if near else "--merge OLD=NEW, with names that exist",
            )
        if new not in {*labels, *known}:
            notes.append(_new_class(old, new, set(labels) - {old}))
        labels = [new if label == old else label for label in labels]
    return replace(manifest, labels=tuple(labels), notes=(*manifest.notes, *notes))


def classes_matched(manifest: Manifest) -> Manifest:
    """Held-out classes by the names that training has: ``Cats`` is ``cats``, and this is noted.

    Raises:
        DatasetError: A held-out class is not in training, or nothing is.
    """
    held_out = [split in ("validation", "test") for split in manifest.splits]
    pairs = list(zip(manifest.labels, held_out, strict=True))
    trained = class_names(label for label, out in pairs if not out)
    judged = class_names(label for label, out in pairs if out)
    if not trained:
        raise DatasetError(
            f"{manifest.root} has no pictures to learn from: all are in test or validation",
            "training pictures",
            "add a train folder, or rows whose split is train",
        )
    meant = {
        label: name or _refused(label, trained)
        for label, name in match_names(judged, trained).items()
    }
    notes = [
        f"{old!r} in {_splits_of(old, manifest)} is {new!r} in train"
        for old, new in meant.items()
        if old != new
    ]
    missing = [name for name in trained if name not in meant.values()]
    if judged and missing:
        notes.append(f"without pictures to judge by: {first_of(missing, 10)}")
    labels = tuple(meant[label] if out else label for label, out in pairs)
    return replace(manifest, labels=labels, notes=(*manifest.notes, *notes))


def groups_found(manifest: Manifest, pattern: str) -> Manifest:
    """Groups by a regular expression searched in each id.

    Raises:
        SettingError: The pattern is wrong or finds nothing, or the table gives groups already.
    """
    if any(manifest.groups):
        raise SettingError(
            "group_pattern and the table both give groups",
            "groups from one place",
            "leave --group-pattern out, or remove the table's group column",
        )
    search = compiled(pattern, "group_pattern", "group")
    groups = tuple(map(search, manifest.ids))
    if not any(groups):
        raise SettingError(
            f"group_pattern '{pattern}' finds no group, as in {first_of(manifest.ids, 2)}",
            "a regular expression whose group is the name of what must stay together",
            r"for patient7_scan2.png: --group-pattern '(patient\d+)_'",
        )
    return replace(manifest, groups=groups)


def near_names_noted(manifest: Manifest) -> Manifest:
    """Class names that may be meant as one, in the notes; only ``merge`` makes them one."""
    notes = tuple(
        f"{new!r} and {old!r} are two classes: if they are one, say {merge_option(old, new)}"
        for old, new in manifest.nearly_equal
    )
    return replace(manifest, notes=(*manifest.notes, *notes))


def _new_class(old: str, new: str, others: set[str]) -> str:
    near = similar(new, others)
    instead = f"; there is {' and '.join(map(repr, near))}" if near else ""
    return f"merged {old!r} into {new!r}, which is a new class{instead}"


def _splits_of(label: str, manifest: Manifest) -> str:
    """The held-out splits where a label is written."""
    pairs = set(zip(manifest.labels, manifest.splits, strict=True))
    return " and ".join(split for split in ("validation", "test") if (label, split) in pairs)


def _refused(label: str, trained: Sequence[str]) -> NoReturn:
    alike = [name for name in trained if spelling(name) == spelling(label)]
    near = alike or similar(label, trained)
    raise DatasetError(
        f"the class {label!r} is in test or validation, but not in train",
        f"the classes of train: {first_of(trained, 10)}",
        f"if it is {near[0]!r}: {merge_option(label, near[0])}" if near else "add it to train",
    )


def _without_judges(train: Manifest, test: Manifest) -> tuple[str, ...]:
    """The notes, but for the one that the folder to judge by is left out: it is not."""
    root, judges = train.root.absolute(), test.root.absolute()
    if not judges.is_relative_to(root):
        return train.notes
    start = f"{judges.relative_to(root).as_posix()}/ is left out:"
    return tuple(note for note in train.notes if not note.startswith(start))


def _below_one_root(train: Manifest, test: Manifest) -> tuple[Manifest, Manifest]:
    first, second = train.root.absolute(), test.root.absolute()
    if first == second:
        return train, test
    above = Path(os.path.commonpath([first, second]))
    return _below(train, above), _below(test, above)


def _below(manifest: Manifest, above: Path) -> Manifest:
    start = manifest.root.absolute().relative_to(above).as_posix()
    start = "" if start == "." else f"{start}/"

    def moved(row: Unusable) -> Unusable:
        # A row without its file keeps the words of the table.
        written = row.reason in ("no_file", "ambiguous_file")
        return row if written else replace(row, path=start + row.path)

    return replace(
        manifest,
        root=above,
        ids=tuple(start + name for name in manifest.ids),
        unusable=tuple(map(moved, manifest.unusable)),
    )


def _without(train: Manifest, judged: set[str]) -> tuple[Manifest, list[str]]:
    kept = train.select([row for row, name in enumerate(train.ids) if name not in judged])
    moved = len(train) - len(kept)
    pictures = counted(moved, "picture", "pictures")
    return kept, [f"{pictures} of --test left out of training"] if moved else []


def _rows(manifest: Manifest, split: str) -> list[tuple[str, str, str, str]]:
    splits = [given or split for given in manifest.splits]
    return list(zip(manifest.ids, manifest.labels, splits, manifest.groups, strict=True))


def _unusable_in_neither(train: Manifest, test: Manifest) -> tuple[Unusable, ...]:
    """What is left out, without the files that the other one uses."""
    used = {*train.ids, *test.ids}
    rows = {*train.unusable, *test.unusable}
    return tuple(sorted(row for row in rows if row.reason not in NOTES or row.path not in used))
