"""What an image library complains of while it decodes: warnings unheard, errors as reasons."""

from __future__ import annotations

import contextlib
import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from headstart.errors import UnusableImage

# Words in Pillow's messages, and what they mean.
_REASONS = {
    "decompression bomb": "too_large",
    "cannot handle": "format_not_supported",
    "not supported": "format_not_supported",
    "unsupported": "format_not_supported",
    "unknown pixel mode": "format_not_supported",
    "truncated": "truncated",
    "unexpected end": "truncated",
    "buffer is not large enough": "truncated",
}


class _Unheard(threading.local):
    """``warnings`` as Pillow's own files see it: silent in a thread that is decoding here.

    Pillow warns of broken EXIF and of odd TIFF tags, which change no pixel. The filters of the
    real module belong to the whole process: they can neither be changed for one thread nor
    safely be changed by many. Threads that use Pillow for something else still hear it.
    """

    decoding = False

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(
        self,
        message: str | Warning,
        category: type[Warning] | None = None,
        stacklevel: int = 1,
        **further: Any,
    ) -> None:
        if not self.decoding:
            warnings.warn(message, category, stacklevel + 1, **further)


_unheard = _Unheard()


def hear_no_warnings_of(*modules: ModuleType) -> None:
    """From now on, what these modules warn of inside `with_reasons` is not heard."""
    for module in modules:
        vars(module)["warnings"] = _unheard
        # Where nobody handles a library's log, Python prints the errors in it.
        logging.getLogger(module.__name__).addHandler(logging.NullHandler())


@contextlib.contextmanager
def with_reasons(name: str, data: bytes) -> Iterator[None]:
    """Any error inside becomes an `UnusableImage`.

    Args:
        name: The format, for example ``"PNG"``.
        data: The whole file.

    Raises:
        UnusableImage: With a reason of ``headstart.unusable.REASONS``.
    """
    _unheard.decoding = True
    try:
        yield
    except UnusableImage:
        raise
    except MemoryError as error:
        raise UnusableImage("too_large", f"{name}: not enough memory to decode it") from error
    except Exception as error:  # Pillow's readers raise whatever broken bytes lead them to
        detail = f"{name}: {error or type(error).__name__}"
        raise UnusableImage(_reason(name, data, error), detail) from error
    finally:
        _unheard.decoding = False


def _reason(name: str, data: bytes, error: Exception) -> str:
    # Pillow turns "nothing left to unpack" into a SyntaxError, and keeps it as the cause.
    if _is_cut(name, data) or isinstance(
        error.__cause__ or error, EOFError | IndexError | struct.error
    ):
        return "truncated"
    message = str(error).lower()
    return next((reason for words, reason in _REASONS.items() if words in message), "corrupt")


def _is_cut(name: str, data: bytes) -> bool:
    """What must come late in a file is not there; asked only once the file has failed."""
    match name:
        case "WEBP":
            return len(data) < 8 + int.from_bytes(data[4:8], "little")
        case "JPEG":
            return b"\xff\xda" not in data  # the marker before the pixels
        case "PNG":
            return b"IEND" not in data
        case "TIFF":
            directory = int.from_bytes(data[4:8], "little" if data.startswith(b"II") else "big")
            return len(data) <= directory
    return False
