"""Files written whole or not at all, found by their content."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from headstart.errors import HeadstartError, StoreError

_TEMPORARY = ".headstart-tmp-"
_BLOCK = 1 << 20


def sha256(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(data: bytes) -> bytes:
    """BLAKE3, 32 bytes: what a picture's file is known by.

    Every file that is read is hashed, photographs of many megabytes too: three to four times
    as fast as SHA-256 with the processor's own instructions for that.
    """
    return blake3(data).digest()


def content_digest_file(path: Path) -> str:
    """The same of a file on disk, in hex."""
    digest = blake3()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with one spelling: sorted keys, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)


def readable_json(value: Any) -> str:
    """JSON for people and programs: indented, ASCII (any file name survives), no NaN."""
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def cache_folder() -> Path:
    """Where features and graphs are kept: ``HEADSTART_CACHE``, else the user's cache folder."""
    given = os.environ.get("HEADSTART_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headstart"


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    temporary = _temporary(path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        _discard(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its place when the block ends well.

    An existing folder of that name is exchanged in one step and then removed, so that at every
    moment one whole folder stands there: the caller must have made sure that it may go.

    Raises:
        StoreError: The folder cannot be written, or the disk is full.
    """
    temporary = _temporary(path.parent)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in sorted(temporary.rglob("*")):
            _sync(file)
        _sync(temporary)
        _take_place(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def must_be_writable(folder: Path) -> None:
    """Find out now, not after an hour of work, whether a folder can be written.

    One that is not there is not made yet: its nearest parent is tried instead.

    Raises:
        StoreError: It cannot.
    """
    probe = None
    try:
        probe = _temporary(next(place for place in (folder, *folder.parents) if place.exists()))
        probe.touch()
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        if probe:
            _discard(probe)


def sweep(folder: Path, older_than: float) -> None:
    """Remove what killed writers left in ``folder``: temporary entries last changed before.

    A folder in which something is being written, however deep, is as young as that.
    """
    for entry in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if max(path.lstat().st_mtime for path in (entry, *entry.rglob("*"))) < older_than:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _temporary(folder: Path) -> Path:
    return folder / f"{_TEMPORARY}{secrets.token_hex(6)}"


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_place(new: Path, path: Path) -> None:
    # Tried, not looked up: another process may put its folder there at the same moment.
    try:
        os.rename(new, path)
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    if not _exchange(new, path):
        # No atomic exchange on this system: a kill between the two steps leaves the old
        # folder under a name that nothing sweeps.
        aside = path.with_name(f"{path.name}.before-{secrets.token_hex(6)}")
        os.rename(path, aside)
        os.rename(new, path)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step (Linux ``renameat2``); False where it is not offered."""
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return bool(rename(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)


def _cannot_write(path: Path, error: OSError) -> OSError:
    if isinstance(error, HeadstartError):
        return error
    return StoreError(
        f"could not write {path}: {error.strerror or error}",
        "a folder that can be written, with enough free space",
        "free some space, or choose another place (--out FOLDER, or HEADSTART_CACHE=FOLDER)",
    )
