"""One picture into its place, and back: at every moment it is whole in one of the two.

Nothing is ever written over. A function that was killed half way is finished by ``is_there``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

from blake3 import blake3

from headstart.files import content_digest_file

COPY, HARD_LINK, SYMLINK, MOVE, MANIFEST_ONLY = WAYS = (
    "copy",
    "hard-link",
    "symlink",
    "move",
    "manifest-only",
)
_TEMPORARY = ".headstart-tmp-sort"
_BLOCK = 2**20
_CHANGED = "it was changed since"


class ChangedError(OSError):
    """A file is not what it was when it was looked at."""


def put(how: str, source: Path, destination: Path, digest: str) -> None:
    """Put a picture where it belongs.

    Args:
        how: One of ``WAYS``.
        source: A regular file; a link is none.
        destination: A name in a folder that is there.
        digest: `files.content_digest` of what was classified, hex.

    Raises:
        OSError: It could not be put there; then it is where it was, and nothing is there.
    """
    if how == MANIFEST_ONLY:
        return
    _must_be_a_file(source)
    if how == COPY:
        _copy(source, destination, digest)
    elif how == HARD_LINK:
        os.link(source, destination, follow_symlinks=False)
    elif how == SYMLINK:
        destination.symlink_to(source)
    else:
        _move(source, destination, digest)


def is_there(how: str, source: Path, destination: Path, digest: str) -> bool:
    """Whether ``put``, maybe killed half way, has put the picture there; a move is then finished.

    What else stands under that name is not ours.
    """
    if how == MANIFEST_ONLY:
        return True
    destination.with_name(_TEMPORARY).unlink(missing_ok=True)
    if not os.path.lexists(destination):
        return False
    if how == SYMLINK:
        return _leads_to(destination, source)
    if how == HARD_LINK:
        return _is_one_file(source, destination)
    if how == COPY:
        return _holds(destination, digest)
    if _is_one_file(source, destination) or (
        _holds(destination, digest) and _holds(source, digest)
    ):
        source.unlink()
    return not os.path.lexists(source)


def take_back(how: str, source: Path, destination: Path, digest: str) -> str | None:
    """Undo ``put``: only what it made, and only while nothing was changed.

    Returns:
        Why it was left as it is; None: all is as before.

    Raises:
        OSError: It could not be undone.
    """
    if how == MANIFEST_ONLY:
        return None
    if not os.path.lexists(destination):
        gone = how == MOVE and not os.path.lexists(source)
        return "it is no longer there" if gone else None
    if how == MOVE:
        return _move_back(source, destination, digest)
    why = _why_not(how, source, destination, digest)
    if why is None:
        destination.unlink()
    return why


def _why_not(how: str, source: Path, destination: Path, digest: str) -> str | None:
    if how == SYMLINK:
        return None if _leads_to(destination, source) else _CHANGED
    if how == HARD_LINK and _is_one_file(source, destination):
        return None
    if not _holds(destination, digest):
        return _CHANGED
    return None if how == COPY and _is_file(source) else "its original is gone: it is the last copy"


def _move_back(source: Path, destination: Path, digest: str) -> str | None:
    if not _holds(destination, digest):
        return _CHANGED
    if _holds(source, digest):
        destination.unlink()  # a move back that was killed: it is in both places
        return None
    if os.path.lexists(source):
        return "another file has taken its place"
    source.parent.mkdir(parents=True, exist_ok=True)
    _move(destination, source, digest)
    return None


def _copy(source: Path, destination: Path, digest: str) -> None:
    """Under another name first, then at once; only if it holds what was classified."""
    temporary = destination.with_name(_TEMPORARY)
    temporary.unlink(missing_ok=True)  # a killed run's: it may be read-only
    try:
        if _copied(source, temporary) != digest:
            raise ChangedError(errno.EAGAIN, "it changed while it was sorted", str(source))
        _rename(temporary, destination)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _copied(source: Path, temporary: Path) -> str:
    """The digest of what was written, which is on the disk when this returns."""
    digest = blake3()
    with source.open("rb") as given, temporary.open("wb") as taken:
        while block := given.read(_BLOCK):
            digest.update(block)
            taken.write(block)
        taken.flush()  # a write later on would give it a new time
        times = os.fstat(given.fileno())
        with contextlib.suppress(OSError):  # not every file system keeps every attribute
            shutil.copystat(source, temporary)
        os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.fsync(taken.fileno())
    return digest.hexdigest()


def _move(source: Path, destination: Path, digest: str) -> None:
    """By its name; to another file system as a copy, after which the original is removed."""
    try:
        _rename(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        before = _state(source)
        _copy(source, destination, digest)
        sync(destination.parent)
        if _state(source) != before:
            destination.unlink()
            raise ChangedError(errno.EAGAIN, "it changed while it was moved") from error
        _give_up(source, destination)


def _rename(here: Path, there: Path) -> None:
    """Another name for a file, never that of another one, which ``os.rename`` would replace."""
    try:
        os.link(here, there, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise
        # No hard links on this file system, or not to this file.
        if os.path.lexists(there):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(there)) from error
        os.rename(here, there)
    else:
        _give_up(here, there)


def _give_up(name: Path, other: Path) -> None:
    """Remove a name; where the system refuses that, the other one: a file keeps exactly one."""
    try:
        name.unlink()
    except OSError:
        other.unlink()
        raise


def sync(folder: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _must_be_a_file(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):  # which fails where there is nothing
        raise ChangedError(errno.EINVAL, "it is no longer a file of its own", str(path))


def _state(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _holds(path: Path, digest: str) -> bool:
    return _is_file(path) and content_digest_file(path) == digest


def _is_one_file(first: Path, second: Path) -> bool:
    return _is_file(first) and _is_file(second) and first.samefile(second)


def _leads_to(link: Path, target: Path) -> bool:
    return link.is_symlink() and str(link.readlink()) == str(target)
