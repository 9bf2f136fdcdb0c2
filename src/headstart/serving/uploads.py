"""The files in a request's body: the doorkeeper of python-multipart.

A file's name is text to show beside its answer. It is never used as a path.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import python_multipart as multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from headstart.serving.refusal import Refusal

FORM = "multipart/form-data"
# What curl --data-binary says is in there.
_CURL = "application/x-www-form-urlencoded"
_NAMELESS = "<bytes>"

Upload = tuple[str, bytes]


def uploads_in(content_type: str, body: bytes, most: int) -> list[Upload]:
    """Names and bytes of the pictures in a body: a form's files, or the body as it is.

    Raises:
        Refusal: Of another type, broken, without files, or with more than ``most``.
    """
    kind, options = parse_options_header(content_type)
    name = kind.decode("latin-1")
    if name == FORM:
        return _form_files(options.get(b"boundary", b""), body, most)
    if name in ("", "application/octet-stream", _CURL) or name.startswith("image/"):
        return [(_NAMELESS, body)]
    raise Refusal(
        415,
        f"a body of type {name[:100]}",
        f"{FORM} with files in it, or the bytes of one picture as image/* or "
        "application/octet-stream",
        "curl -F file=@cat.jpg URL, or curl --data-binary @cat.jpg URL",
    )


def _form_files(boundary: bytes, body: bytes, most: int) -> list[Upload]:
    form = _Form(most)
    try:
        parser = multipart.MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise _broken(str(error)) from error
    if not form.ended:
        raise _broken("it ends too early")
    if not form.files:
        raise _broken("no file in it")
    return form.files


def _broken(what: str) -> Refusal:
    return Refusal(
        400,
        f"the form cannot be read: {what}",
        f"{FORM} with a file name in every file's part",
        "curl -F file=@cat.jpg URL sends one",
    )


@dataclass
class _Form:
    """What the parser finds, as it goes."""

    most: int
    files: list[Upload] = field(default_factory=list)
    ended: bool = False
    _name: str | None = None
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _data: list[bytes] = field(default_factory=list)
    _parts: int = 0

    def callbacks(self) -> multipart.multipart.MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, a, b: self._header.extend(data[a:b]),
            "on_header_value": lambda data, a, b: self._value.extend(data[a:b]),
            "on_header_end": self._header_ends,
            "on_part_data": lambda data, a, b: self._data.append(data[a:b]),
            "on_part_end": self._part_ends,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self.most:
            raise Refusal(
                413,
                f"more than {self.most} parts in one form",
                f"{self.most} pictures or fewer",
                "send them in several requests",
            )
        self._name, self._data = None, []

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            if b"filename" in options:
                self._name = options[b"filename"].decode("utf-8", "backslashreplace")
        self._header.clear()
        self._value.clear()

    def _part_ends(self) -> None:
        if self._name is not None:
            self.files.append((self._name, b"".join(self._data)))

    def _end(self) -> None:
        self.ended = True
