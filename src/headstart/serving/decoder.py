"""A decoding process: `python -m headstart.serving.decoder DESCRIPTOR LIMITS`.

Pictures of strangers are decoded here and nowhere else: whatever one of them does to the decoder
happens to a process that can be killed, and that may write no file and take no more memory than it
was given. It ends when the other side of its socket closes.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import sys
from functools import lru_cache

from headstart.errors import UnusableImage
from headstart.images.decode import decode
from headstart.images.preprocessing import Preprocessing

FAILED, DECODED = b"\0", b"\1"


def main(descriptor: int, max_pixels: int, memory: int) -> None:
    """Answer one picture after the other."""
    _confine(memory)
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(framed(b"ready"))
        while True:
            preprocessing = _preprocessing(receive(connection))
            connection.sendall(framed(_answer(receive(connection), preprocessing, max_pixels)))


def framed(*messages: bytes) -> bytes:
    """Messages on their way through a socket, each behind its length."""
    return b"".join(len(one).to_bytes(8, "little") + one for one in messages)


def receive(connection: socket.socket) -> bytes:
    """The next of them.

    Raises:
        ConnectionError: The other side has gone.
        TimeoutError: It says nothing.
    """
    return _exactly(connection, int.from_bytes(_exactly(connection, 8), "little"))


def _exactly(connection: socket.socket, number: int) -> bytes:
    data = bytearray(number)
    missing = memoryview(data)
    while missing:
        got = connection.recv_into(missing)
        if not got:
            raise ConnectionResetError
        missing = missing[got:]
    return bytes(data)


def _answer(data: bytes, preprocessing: Preprocessing, max_pixels: int) -> bytes:
    try:
        picture = decode(data, at_least=preprocessing.at_least, max_pixels=max_pixels)
        return DECODED + preprocessing.pixels(picture).tobytes()
    except UnusableImage as failure:
        return FAILED + json.dumps([failure.reason, failure.detail]).encode()


@lru_cache(maxsize=4)
def _preprocessing(record: bytes) -> Preprocessing:
    return Preprocessing.from_json(json.loads(record))


def _confine(memory: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system can
            resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
