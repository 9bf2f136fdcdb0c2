"""Labels from folders: a folder per class, with or without folders per split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from headstart.datasets.manifest import counted, first_of
from headstart.datasets.split_words import split_of, split_sets
from headstart.datasets.walking import Folder, suffix_of
from headstart.errors import DatasetError
from headstart.labels import spelling
from headstart.unusable import Unusable

_NO_FOLDER = "not in a class folder or a split folder"


class Row(NamedTuple):
    """One picture that has a label."""

    id: str
    label: str
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Sections:
    """A folder seen as one section for each split, or as one section without a split.

    Args:
        top: The folder that holds the sections, below single folders around it.
        parts: Each section's split (``""`` for none) and its folder.
        notes: What was decided.
        beside: Files that stand beside the sections, in none of them.
        left_out: Files in folders beside the sections.
    """

    top: Folder
    parts: tuple[tuple[str, Folder], ...]
    notes: tuple[str, ...]
    beside: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def first(self) -> Folder:
        """The folder that holds the training pictures."""
        return self.parts[0][1]


@dataclass(frozen=True)
class Labelled:
    """What a reader found: rows, and what it had to leave out."""

    rows: tuple[Row, ...]
    layout: str
    notes: tuple[str, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    empty_classes: tuple[str, ...] = ()


def sections(folder: Folder, known: Iterable[str] = ()) -> Sections:
    """The split folders of a folder, looked for also below a single folder around them.

    Args:
        folder: Where to look.
        known: The classes, if it is only to judge by: it then needs no training folder.

    Raises:
        DatasetError: Held-out folders without a training folder, or several sets of split folders.
    """
    classes = frozenset(map(spelling, known))
    top = _unwrapped(folder, classes)
    notes = () if top is folder else (f"the pictures are in {top.id}/",)
    by_split = _split_folders(top, classes)
    if not by_split:
        return Sections(top, (("", top),), notes + _train_as_a_class(top, classes))
    train = [_unwrapped(part, classes) for part in by_split.get("train", [])]
    classes |= {spelling(one.name) for part in train for one in part.filled}
    parts = [("train", part) for part in train] + [
        (split, _unwrapped(part, classes))
        for split in ("validation", "test")
        for part in by_split.get(split, [])
    ]
    used = {part.id for named in by_split.values() for part in named}
    left_out = [other for other in top.filled if other.id not in used]
    return Sections(
        top,
        tuple(parts),
        notes + tuple(map(_left_out, left_out)),
        top.files,
        tuple(name for other in left_out for name in other.pictures()),
    )


def labelled_by_folders(found: Sections, at_least: int = 2) -> Labelled | None:
    """Labels from the names of class folders, or None where there are no class folders.

    Args:
        found: The folder's sections.
        at_least: So many class folders must stand in the training section.
    """
    if len(found.first.filled) < at_least:
        return None
    classes = found.first.filled
    if len(found.parts) == 1 and _splits_inside(classes):
        return _with_splits_inside(found, classes)
    rows: list[Row] = []
    notes = [*found.notes, *_folders_inside(classes)]
    loose, left_out = list(found.beside), list(found.left_out)
    empty: list[Folder] = []
    for split, part in found.parts:
        if not part.filled:
            notes.append(_left_out(part))
            left_out += part.pictures()
            continue
        loose += part.files
        empty += _empty(part)
        rows += [Row(name, one.name, split) for one in part.filled for name in one.pictures()]
    layout = "split folders" if found.parts[0][0] else "folder per class"
    labelled = Labelled(tuple(rows), layout, tuple(notes))
    return with_leftovers(labelled, loose, empty, left_out)


def _unwrapped(folder: Folder, classes: frozenset[str] = frozenset()) -> Folder:
    """The folder below single folders around it: ``archive/data/`` of ``archive/data/cats``.

    A single folder that is named as one of ``classes`` is not around anything: it is that class.
    """
    filled = folder.filled
    if folder.files or len(filled) != 1 or spelling(filled[0].name) in classes:
        return folder
    (inner,) = filled
    same_name = inner.name.casefold() == folder.name.casefold()
    return _unwrapped(inner, classes) if inner.filled or same_name else folder


def _split_folders(top: Folder, classes: frozenset[str]) -> dict[str, list[Folder]]:
    sets = split_sets((folder.name, folder) for folder in top.filled)
    complete = [found for found in sets if "train" in found and _is_a_split(found, top, classes)]
    if len(complete) > 1:
        names = [folder.name for found in complete for one in found.values() for folder in one]
        raise DatasetError(
            f"{top.id or 'the folder'} holds several sets of split folders: {first_of(names, 6)}",
            "one train folder, and test or validation folders of the same kind",
            f"give one of them, with --test for its test folder; {_as_classes(top)}",
        )
    if complete:
        return complete[0]
    held_out = [folder for found in sets for one in found.values() for folder in one]
    if (
        len(held_out) > 1
        and len(held_out) == len(top.filled)
        and not any("train" in s for s in sets)
    ):
        if classes and len(sets) == 1:
            return sets[0]
        raise DatasetError(
            f"there are {first_of([one.name for one in held_out])}, but no train folder",
            "a train folder beside them",
            "give the folder to learn from, with --test for the folder to judge by; "
            f"{_as_classes(top)}",
        )
    return {}


def _as_classes(top: Folder) -> str:
    above = f"{re.escape(top.id)}/" if top.id else ""
    return f"or, if they are classes, say --label-pattern '^{above}([^/]+)/'"


def _is_a_split(found: dict[str, list[Folder]], top: Folder, classes: frozenset[str]) -> bool:
    # A lone "train" may be a class, beside "bus" and "car", whatever is in it.
    return len(found) > 1 or not any(
        len(folder.filled) < 2 or spelling(folder.name) in classes or _others(top)
        for folder in found["train"]
    )


def _others(top: Folder) -> list[Folder]:
    """The folders whose names speak of no split."""
    return [folder for folder in top.filled if split_of(folder.name) is None]


def _train_as_a_class(top: Folder, classes: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        f"{folder.id}/ is a class, beside {first_of(one.name for one in _others(top))}: if it "
        "holds the pictures to learn from, give it alone"
        for folder in top.filled
        if split_of(folder.name) == "train" and len(folder.filled) > 1 and _others(top)
        if spelling(folder.name) not in classes
    )


def _splits_inside(classes: tuple[Folder, ...]) -> bool:
    """Whether the class folders hold split folders: ``cats/train``, ``cats/test``."""
    inside = [[split_of(folder.name) for folder in one.filled] for one in classes]
    only_splits = all(splits and None not in splits for splits in inside)
    no_files = not any(one.files for one in classes)
    return only_splits and no_files and any("train" in one and len(set(one)) > 1 for one in inside)


def _with_splits_inside(found: Sections, classes: tuple[Folder, ...]) -> Labelled:
    rows = tuple(
        Row(name, one.name, split_of(part.name) or "")
        for one in classes
        for part in one.filled
        for name in part.pictures()
    )
    labelled = Labelled(rows, "split folders in class folders", found.notes)
    return with_leftovers(labelled, found.first.files, _empty(found.first))


def _left_out(folder: Folder) -> str:
    pictures = sum(1 for _ in folder.pictures())
    return f"{folder.id}/ is left out: {counted(pictures, 'file', 'files')} without a class folder"


def _empty(part: Folder) -> list[Folder]:
    filled = {folder.id for folder in part.filled}
    return [folder for folder in part.folders if folder.id not in filled]


def _folders_inside(classes: tuple[Folder, ...]) -> tuple[str, ...]:
    inside = {frozenset(folder.name for folder in one.filled) for one in classes}
    names = sorted(next(iter(inside)))
    if any(one.files for one in classes):
        return ()
    if len(inside) > 1:
        return _only_folders_inside(classes)
    if len(names) < 2:
        return ()
    return (
        f"every class folder holds the same folders ({first_of(names)}): if those are the "
        "classes, say so with --label-pattern '([^/]+)/[^/]+$'",
    )


def _only_folders_inside(classes: tuple[Folder, ...]) -> tuple[str, ...]:
    inner = [folder.id for one in classes for folder in one.filled]
    if len(inner) == len(classes):
        return ()
    return (
        f"class folders {first_of(one.name for one in classes)} hold only folders: "
        f"{first_of(inner, 4)}; if those are the classes, give one of the folders above",
    )


def with_leftovers(
    labelled: Labelled,
    loose: Sequence[str],
    empty: Sequence[Folder] = (),
    left_out: Sequence[str] = (),
) -> Labelled:
    """With the empty class folders, and the files beside the class folders and in other folders."""
    pictures = [name for name in loose if suffix_of(name)]
    apart = [name for name in left_out if suffix_of(name)]
    others = len(loose) + len(left_out) - len(pictures) - len(apart)  # the likes of LICENSE
    note = f"no class, because without pictures: {first_of((one.id for one in empty), 5)}"
    return replace(
        labelled,
        notes=(*labelled.notes, note) if empty else labelled.notes,
        unusable=(
            *labelled.unusable,
            *(Unusable(name, "no_label", _NO_FOLDER) for name in pictures),
            *(Unusable(name, "left_out") for name in apart),
        ),
        skipped=(("no extension", others),) if others else (),
        empty_classes=tuple(folder.name for folder in empty),
    )
