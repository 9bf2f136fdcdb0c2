"""A walk through a folder: which files may be pictures, and what is passed by."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from headstart.datasets.manifest import first_of
from headstart.errors import DatasetError
from headstart.images.sniffing import NOT_READ, READ, SNIFFED, sniff
from headstart.unusable import Unusable

# Also formats that are not read: such a file is then reported for what it is, not passed by.
IMAGE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".jif",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".j2k",
        ".jxl",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".ico",
        ".svg",
        ".psd",
        ".dng",
        ".nef",
        ".cr2",
        ".arw",
    ]
)
TABLE_SUFFIXES = frozenset([".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".parquet", ".pq"])

# What lies beside pictures by the thousand: passed by without a look inside.
_NO_PICTURES = TABLE_SUFFIXES | frozenset(
    (
        *(".md", ".rst", ".log", ".json", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg"),
        *(".html", ".htm", ".css", ".js", ".py", ".pyc", ".ipynb", ".m", ".r", ".sh", ".c", ".h"),
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".rtf", ".tex", ".bib"),
        *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"),
        *(".mp3", ".wav", ".flac", ".ogg", ".m4a", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"),
        *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl", ".pt", ".pth", ".onnx", ".db", ".sqlite"),
    )
)

_SYSTEM = frozenset(
    name.casefold()
    for name in (
        "Thumbs.db",
        "desktop.ini",
        "__MACOSX",
        "@eaDir",
        "$RECYCLE.BIN",
        "System Volume Information",
    )
)
_OWN_RESULTS = ".headstart"
LINKED = "linked folder"
LINKED_FOLDERS = "linked folders are not entered"


@dataclass(frozen=True)
class Folder:
    """What a folder holds, each sorted.

    Args:
        id: Its path below the folder where the walk began, with ``/``; ``""`` for that one.
        files: Ids of the files directly in it that may be pictures.
        tables: Ids of the files directly in it that may be tables.
        folders: The folders in it, also empty ones.
    """

    id: str
    files: tuple[str, ...]
    tables: tuple[str, ...]
    folders: tuple[Folder, ...]

    @property
    def name(self) -> str:
        """Its own name."""
        return PurePosixPath(self.id).name

    @property
    def filled(self) -> tuple[Folder, ...]:
        """The folders in it that hold pictures at any depth."""
        return tuple(folder for folder in self.folders if next(folder.pictures(), None))

    def pictures(self) -> Iterator[str]:
        """Ids of everything in it, at any depth, that may be a picture."""
        yield from self.files
        for folder in self.folders:
            yield from folder.pictures()


@dataclass(frozen=True)
class Walk:
    """One walk.

    Args:
        folder: What was found.
        skipped: What was passed by, counted by kind (``"hidden"``, ``".txt"``).
        unusable: Folders that could not be opened.
        linked: Ids of linked folders, which were passed by.
    """

    folder: Folder
    skipped: tuple[tuple[str, int], ...]
    unusable: tuple[Unusable, ...]
    linked: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Which linked folders were passed by, in words."""
        return (f"{LINKED_FOLDERS}: {first_of(self.linked, 10)}",) if self.linked else ()


@dataclass
class _Passed:
    skipped: Counter[str] = field(default_factory=Counter)
    linked: list[str] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)


def walk(root: Path) -> Walk:
    """Walk through ``root``. Linked folders are not entered; the file system's order is undone.

    Raises:
        DatasetError: There is no such folder, or it cannot be opened.
    """
    if not root.is_dir():
        raise DatasetError(
            f"{root} is not a folder" if root.exists() else f"there is no {root}",
            "a folder of labelled pictures",
            "check the spelling of the path",
        )
    passed = _Passed()
    folder = _walk(root, "", passed)
    skipped = tuple(sorted(passed.skipped.items()))
    return Walk(folder, skipped, tuple(sorted(passed.unusable)), tuple(sorted(passed.linked)))


def suffix_of(name: str) -> str:
    """The extension in lower case, or ``""``: in ``scan.0001`` the number is none."""
    suffix = os.path.splitext(name)[1].casefold()  # noqa: PTH122 (a million times: Path is slow)
    return "" if suffix[1:].isdigit() else suffix


def _walk(root: Path, folder_id: str, passed: _Passed) -> Folder:
    files: list[str] = []
    tables: list[str] = []
    folders: list[str] = []
    for entry in _entries(root, folder_id, passed):
        place = f"{folder_id}/{entry.name}" if folder_id else entry.name
        kind = kind_of(entry)
        if kind == "folder":
            folders.append(place)
        elif kind == "picture":
            files.append(place)
        else:
            passed.skipped[kind] += 1
            if kind in TABLE_SUFFIXES:
                tables.append(place)
            elif kind == LINKED:
                passed.linked.append(place)
    return Folder(
        id=folder_id,
        files=tuple(sorted(files)),
        tables=tuple(sorted(tables)),
        folders=tuple(_walk(root, place, passed) for place in sorted(folders)),
    )


def _entries(root: Path, folder_id: str, passed: _Passed) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(root / folder_id) as entries:
            return list(entries)
    except OSError as error:
        passed.unusable.append(Unusable(folder_id or ".", "unreadable", error.strerror or ""))
        return []


def kind_of(entry: os.DirEntry[str]) -> str:
    """``"folder"``, ``"picture"``, or the kind of what is passed by."""
    name = entry.name
    if name.startswith("."):
        return "hidden"
    if name.casefold() in _SYSTEM:
        return "system"
    if entry.is_dir(follow_symlinks=False):
        return "own results" if name.endswith(_OWN_RESULTS) else "folder"
    if entry.is_symlink() and entry.is_dir():
        return LINKED
    suffix = suffix_of(name)
    if suffix in _NO_PICTURES:
        return suffix
    # A link to nothing stays: the decoder then says that the file is gone.
    gone = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
    if not entry.is_file() and not gone:
        return "not a regular file"
    # No suffix, or a picture's: the decoder judges. A strange one (.jpg_large): the first bytes.
    known = not suffix or suffix in IMAGE_SUFFIXES
    return "picture" if known or _begins_as_a_picture(entry) else suffix


def _begins_as_a_picture(entry: os.DirEntry[str]) -> bool:
    try:
        with open(entry.path, "rb") as file:
            start = file.read(SNIFFED)
    except OSError:
        return True  # the decoder then says why it cannot be read
    return bool(start) and sniff(start) in READ | NOT_READ
