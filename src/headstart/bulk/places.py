"""The doorkeeper of fsspec: files that a URL names, in whatever store they are."""

from __future__ import annotations

import functools
import http.client
import io
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from headstart.datasets.walking import IMAGE_SUFFIXES, suffix_of
from headstart.errors import DatasetError, MissingExtra, SettingError, UnusableImage

_URL = re.compile(r"[a-z][a-z0-9+.-]+://")
_WEB = ("http://", "https://")  # read by Python itself: fsspec would ask for more libraries
_TIMEOUT = 60  # seconds without a byte
_PAUSES = (1, 4)  # seconds before a server that failed is asked again


def is_url(place: str) -> bool:
    """Whether a name is a URL, and not a path."""
    return _URL.match(place) is not None


def must_be_readable(url: str) -> None:
    """Find out before the work begins whether URLs of this kind can be read here.

    Raises:
        MissingExtra: The library for this store is not installed.
        SettingError: There is no such kind of URL.
    """
    _scheme_must_be_known(url.partition("://")[0])


def below(url: str) -> Iterator[str]:
    """URLs of the pictures in a folder (by their extension), or of the one file that is meant.

    Raises:
        DatasetError: The store cannot be listed.
    """
    if url.startswith(_WEB):
        yield url
        return
    try:
        store, path = _store(url)
        if not store.isdir(path):
            yield url
            return
        for folder, _, names in store.walk(path, on_error="raise"):
            for name in sorted(filter(_may_be_a_picture, names)):
                yield store.unstrip_protocol(f"{folder.rstrip('/')}/{name}")
    except Exception as error:  # every store has errors of its own
        raise _cannot_open(url, error) from error


def read(url: str) -> bytes:
    """A file's bytes. What may be a passing fault of a server is tried three times.

    Raises:
        UnusableImage: ``"vanished"`` or ``"unreadable"``.
    """
    for pause in (*_PAUSES, None):
        try:
            return _read(url)
        except Exception as error:  # every store has errors of its own
            gone = isinstance(error, FileNotFoundError) or _status(error) in (404, 410)
            if gone or pause is None or not _may_pass(error):
                reason = "vanished" if gone else "unreadable"
                detail = "" if gone else f"{type(error).__name__}: {error}"
                raise UnusableImage(reason, detail) from error
            time.sleep(pause)
    raise AssertionError


def opened(place: str) -> BinaryIO:
    """A list or a table, opened for reading.

    Raises:
        DatasetError: It cannot be opened.
    """
    try:
        if not is_url(place):
            return Path(place).open("rb")
        if place.startswith(_WEB):
            return io.BytesIO(_read(place))  # whole: what comes in parts may end too early unseen
        store, path = _store(place)
        return cast(BinaryIO, store.open(path, "rb"))
    except Exception as error:  # every store has errors of its own
        raise _cannot_open(place, error) from error


def can_seek(place: str) -> bool:
    """Whether parts of the file can be read alone."""
    return not place.startswith(_WEB)


def _read(url: str) -> bytes:
    if url.startswith(_WEB):
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            return cast(bytes, answer.read())
    store, path = _store(url)
    return cast(bytes, store.cat_file(path))


def _store(url: str) -> tuple[Any, str]:
    import fsspec.core

    must_be_readable(url)
    return cast("tuple[Any, str]", fsspec.core.url_to_fs(url))


@functools.cache
def _scheme_must_be_known(scheme: str) -> None:
    if f"{scheme}://" in _WEB:
        return
    import fsspec
    from fsspec.registry import known_implementations

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        library = known_implementations[scheme]["class"].partition(".")[0]
        raise MissingExtra(
            f"{scheme}:// cannot be read: {library} is not installed",
            f"the library for these places ({error})",
            f"pip install {library}",
        ) from error
    except ValueError as error:
        raise SettingError(
            f"{scheme}:// is no kind of place that is known",
            "s3://, gs://, http://, https://, file:// or another one of fsspec",
            "check its spelling",
        ) from error


def _may_be_a_picture(name: str) -> bool:
    return not name.startswith(".") and suffix_of(name) in {"", *IMAGE_SUFFIXES}


def _status(error: Exception) -> int | None:
    return error.code if isinstance(error, urllib.error.HTTPError) else None


def _may_pass(error: Exception) -> bool:
    """Whether the same question may be answered a little later: not if it is refused for good."""
    status = _status(error)
    if status is not None:
        return status >= 500 or status in (408, 425, 429)
    passing = (OSError, http.client.HTTPException, TimeoutError)
    refused = (PermissionError, IsADirectoryError, NotADirectoryError)
    return isinstance(error, passing) and not isinstance(error, refused)


def _cannot_open(place: str, error: Exception) -> Exception:
    if isinstance(error, SettingError | MissingExtra):
        return error
    return DatasetError(
        f"{place} cannot be read: {type(error).__name__}: {error}",
        "a file or folder that is there and may be read",
        "check its spelling, and who may read it",
    )
