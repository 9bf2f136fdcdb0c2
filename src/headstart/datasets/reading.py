"""Read a dataset: find out which layout a folder or a table has."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from headstart.datasets.beside_folders import held_against_tables
from headstart.datasets.folders import (
    Labelled,
    Row,
    Sections,
    labelled_by_folders,
    sections,
)
from headstart.datasets.listed import labelled_by_tables, tables_inside, tables_to_read
from headstart.datasets.manifest import Manifest, counted, first_of
from headstart.datasets.names import (
    labelled_by_names,
    labelled_by_pattern,
    labelled_like,
)
from headstart.datasets.options import NO_GROUPS, TABLE_SETTINGS, ReadOptions
from headstart.datasets.refining import (
    classes_matched,
    groups_found,
    joined,
    merged,
    near_names_noted,
)
from headstart.datasets.walking import (
    IMAGE_SUFFIXES,
    LINKED_FOLDERS,
    TABLE_SUFFIXES,
    Folder,
    Walk,
    suffix_of,
    walk,
)
from headstart.errors import DatasetError, NotEnoughData, SettingError
from headstart.labels import class_names, match_names
from headstart.unusable import Unusable

__all__ = ["ReadOptions", "read"]


def read(
    source: Path | str,
    options: ReadOptions = ReadOptions(),  # noqa: B008
    known: tuple[str, ...] = (),
) -> Manifest:
    """Read the dataset at ``source``.

    Understood by itself, in this order: a folder per class, with or without split folders around
    or inside; tables at the folder's top that are named by a split or like labels; a label in each
    file's name. Or ``source`` is a table. Nothing is guessed: what has no label is left out and
    listed with its reason, and what was decided is in the notes.

    Args:
        source: A folder or a table.
        options: What is known better.
        known: The classes, if the dataset is only to judge by. It may then have one of them only,
            or nothing to learn from, and labels are left as they are written.

    Raises:
        DatasetError: It cannot be understood.
        NotEnoughData: It has fewer than two classes, and none are known.
        SettingError: A setting is wrong or has no effect.
    """
    source = Path(source)
    if known:  # file names may begin with what is then merged
        known = (*known, *(old for old, _ in options.merge))
    found = [_read_one(source, options, known)]
    if options.test is not None:
        found.append(_read_one(Path(options.test), options, known or found[0].class_names))
    _refuse_idle_settings(options, source, {manifest.layout for manifest in found})
    manifest = joined(*found) if len(found) > 1 else found[0]
    manifest = merged(manifest, options.merge, known)
    if not known:
        manifest = classes_matched(manifest)
        _require_two_classes(manifest, source)
    if options.group_pattern == NO_GROUPS:
        manifest = replace(manifest, groups=("",) * len(manifest))
    elif options.group_pattern is not None:
        manifest = groups_found(manifest, options.group_pattern)
    declared = class_names((*manifest.declared, *manifest.labels))
    name = source.name if source.is_file() else f"{source.absolute().name}/"
    return near_names_noted(replace(manifest, declared=declared, name=name))


def place_of(pictures: str | os.PathLike[str]) -> Path:
    """Where pictures are; what is no place at all gets a clear error.

    Raises:
        DatasetError: Something else was given: a table in memory, a list of files.
    """
    if isinstance(pictures, str | os.PathLike):
        return Path(pictures).expanduser()
    raise DatasetError(
        f"the pictures were given as an object of type {type(pictures).__name__}",
        "the path of a folder of labelled pictures, or of a table that names them",
        "write a table to a file first: frame.to_csv('labels.csv', index=False)",
    )


def _read_one(source: Path, options: ReadOptions, known: tuple[str, ...]) -> Manifest:
    """One folder or table; ``known`` classes if it is only to judge by."""
    if not source.is_file():
        return _read_folder(source, options, known)
    if suffix_of(source.name) not in TABLE_SUFFIXES:
        raise _no_table(source)
    base = options.images or source.parent
    walked = walk(base)
    ids = tuple(walked.folder.pictures())
    labelled = labelled_by_tables([(source, "")], base, ids, options)
    tables = [source] if options.test is None else {source, Path(options.test)}
    return _manifest(base, labelled, walked, tables)


def _read_folder(source: Path, options: ReadOptions, known: tuple[str, ...]) -> Manifest:
    walked = walk(source)
    found = _sections(walked.folder, known, options)
    tables = tables_to_read(found.top.tables or walked.folder.tables)
    tables = tables or tables_inside(found.parts)
    if options.label_pattern is not None:
        return _manifest(source, labelled_by_pattern(found, options.label_pattern), walked)
    folder_names = [folder.name for folder in found.first.filled]
    is_known = any(match_names(folder_names, known).values())
    by_folders = labelled_by_folders(found, at_least=1 if is_known else 2)
    if by_folders:
        ids = tuple(walked.folder.pictures())
        return _manifest(
            source, held_against_tables(by_folders, tables, source, ids, options), walked
        )
    if tables:
        return _read_tables(source, tables, found, walked, options)
    labelled = labelled_like(found, known) if known else labelled_by_names(found)
    if known and labelled is None:  # a single folder, not named as a known class
        labelled = labelled_by_folders(found, at_least=1) or _one_class(source, walked, known)
    if labelled is None:
        raise _not_understood(source, found, walked)
    return _manifest(source, labelled, walked)


def _sections(folder: Folder, known: tuple[str, ...], options: ReadOptions) -> Sections:
    """Where a pattern tells the labels, folders that are no whole split are just folders."""
    try:
        return sections(folder, known)
    except DatasetError:
        if options.label_pattern is None:
            raise
        return Sections(folder, (("", folder),), ())


def _one_class(source: Path, walked: Walk, known: tuple[str, ...]) -> Labelled | None:
    """The folder of one class itself, by its own name."""
    name = source.absolute().name
    if match_names([name], known)[name] is None:
        return None
    rows = tuple(Row(picture, name, "", "") for picture in walked.folder.pictures())
    note = f"all of them are {name!r}, as the folder is named"
    return Labelled(rows, "folders", (note,)) if rows else None


def _read_tables(
    source: Path,
    tables: tuple[tuple[str, str], ...],
    found: Sections,
    walked: Walk,
    options: ReadOptions,
) -> Manifest:
    base = options.images or source
    files = walk(base) if options.images else walked
    ids = tuple(files.folder.pictures())
    places = [(source / name, split) for name, split in tables]
    labelled = _splits_from_folders(labelled_by_tables(places, base, ids, options), found)
    return _manifest(base, labelled, files, [path for path, _ in places])


def _splits_from_folders(labelled: Labelled, found: Sections) -> Labelled:
    """A table without splits whose files lie in train and test folders: the folders' splits."""
    splits = {name: split for split, part in found.parts for name in part.pictures()}
    rows = tuple(row._replace(split=splits.get(row.id, "")) for row in labelled.rows)
    if any(row.split for row in labelled.rows) or len({row.split for row in rows} - {""}) < 2:
        return labelled
    return replace(labelled, rows=rows, notes=(*labelled.notes, "the folders give the splits"))


def _manifest(
    root: Path, labelled: Labelled, walked: Walk, tables: Iterable[Path] = ()
) -> Manifest:
    labelled = _without_outer_spaces(labelled)
    skipped = Counter(dict(walked.skipped)) + Counter(dict(labelled.skipped))
    # The walk passed the tables by, but they were read.
    inside = [path for path in tables if path.absolute().is_relative_to(root.absolute())]
    skipped -= Counter(suffix_of(path.name) for path in inside)
    root, rows = _common_root(root, labelled.rows)
    rows = sorted(rows)
    return Manifest(
        root=root,
        ids=tuple(row.id for row in rows),
        labels=tuple(row.label for row in rows),
        splits=tuple(row.split for row in rows),
        groups=tuple(row.group for row in rows),
        layout=labelled.layout,
        notes=(*walked.notes, *labelled.notes),
        unusable=tuple(sorted({*walked.unusable, *labelled.unusable})),
        skipped=tuple(sorted(skipped.items())),
        declared=labelled.empty_classes,
    )


def _without_outer_spaces(labelled: Labelled) -> Labelled:
    """Labels as the cells of a table are read, so that a split that is written comes back."""
    names = {*(row.label for row in labelled.rows), *labelled.empty_classes}
    spaced = sorted(name for name in names if name != name.strip())
    if not spaced:
        return labelled
    rows = [row._replace(label=row.label.strip()) for row in labelled.rows]
    nameless = (Unusable(row.id, "no_label", "only spaces") for row in rows if not row.label)
    note = f"outer spaces are no part of a class name: {first_of(map(repr, spaced))}"
    return replace(
        labelled,
        rows=tuple(row for row in rows if row.label),
        notes=(*labelled.notes, note),
        unusable=(*labelled.unusable, *nameless),
        empty_classes=tuple(filter(None, (name.strip() for name in labelled.empty_classes))),
    )


def _common_root(root: Path, rows: Iterable[Row]) -> tuple[Path, list[Row]]:
    """The root, moved up where a table names files outside of it."""
    rows = list(rows)
    outside = [row.id for row in rows if os.path.isabs(row.id)]  # noqa: PTH117
    if not outside:
        return root, rows
    absolute = root.absolute()
    above = Path(os.path.commonpath([absolute, *(Path(name).parent for name in outside)]))
    return above, [
        row._replace(id=(absolute / row.id).relative_to(above).as_posix()) for row in rows
    ]


def _refuse_idle_settings(options: ReadOptions, source: Path, layouts: set[str]) -> None:
    idle: tuple[str, ...] = () if "table" in layouts else TABLE_SETTINGS
    fix = "give the table itself"
    if layouts == {"table"}:
        idle, fix = ("label_pattern",), "name the column with --label-column"
    for setting in idle:
        if getattr(options, setting) is not None:
            option = "--" + setting.replace("_", "-")
            raise SettingError(
                f"{option} has no effect: the labels of {source} come from its {min(layouts)}",
                "a setting that fits what is there",
                f"leave {option} out, or {fix}",
            )


def _require_two_classes(manifest: Manifest, source: Path) -> None:
    if len(manifest.class_names) < 2:
        found = ", ".join(f"{name} ({count})" for name, count in manifest.counts.items())
        raise NotEnoughData(
            f"{source} has only one class: {found}",
            "pictures of two classes or more",
            _fix_of(manifest.notes, "add a folder of pictures that are something else"),
        )


def _no_table(source: Path) -> DatasetError:
    picture = suffix_of(source.name) in IMAGE_SUFFIXES
    return DatasetError(
        f"{source} is {'a picture' if picture else 'neither a folder nor a table'}",
        "a folder of labelled pictures, or a CSV, TSV, JSON lines or Parquet table",
        f"give its folder: {source.parent}" if picture else "unpack it first, if it is an archive",
    )


def _not_understood(source: Path, found: Sections, walked: Walk) -> DatasetError:
    pictures = list(walked.folder.pictures())
    if not pictures:
        others = ", ".join(f"{count} {kind}" for kind, count in walked.skipped)
        return DatasetError(
            f"there are no pictures in {source}" + (f", only: {others}" if others else ""),
            "a folder for each class, with its pictures in it",
            _fix_of(walked.notes, "check the path; unpack archives first"),
        )
    if len(found.first.filled) == 1 and not found.first.files:
        only = found.first.filled[0]
        return NotEnoughData(
            f"{source} has only one class: {only.name} "
            f"({counted(len(pictures), 'picture', 'pictures')})",
            "a folder of pictures for each of two classes or more",
            _fix_of(walked.notes, "add a folder of pictures that are something else"),
        )
    return DatasetError(
        f"the labels of {counted(len(pictures), 'picture', 'pictures')} in {source} are not "
        f"found: no class folders, no table, and the names do not tell ({first_of(pictures)})",
        "a folder for each class, a table, or names such as cat_12.jpg with several of each class",
        _fix_of(
            walked.notes,
            r"sort them into folders, give a table, or say --label-pattern '^(.+)_\d+'",
        ),
    )


def _fix_of(notes: tuple[str, ...], fix: str) -> str:
    """How to mend it; before that which linked folders were passed by, which may be it."""
    linked = [note for note in notes if note.startswith(LINKED_FOLDERS)]
    return f"{linked[0]}: put the folders themselves there, or {fix}" if linked else fix
