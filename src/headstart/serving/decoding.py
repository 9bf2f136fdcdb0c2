"""Decoding in processes of their own, which are killed when a picture takes them too long."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from headstart.errors import UnusableImage
from headstart.images.preprocessing import Preprocessing
from headstart.serving.decoder import DECODED, framed, receive
from headstart.serving.limits import Limits

_START_SECONDS = 60.0

Pixels = npt.NDArray[np.uint8]


class Decoders:
    """A few decoding processes, begun when they are needed and again after they died.

    Args:
        count: How many work at once.
        limits: Of pixels, seconds and memory.
    """

    def __init__(self, count: int, limits: Limits) -> None:
        self._limits = limits
        self.started = 0
        # Last in, first out: where there is little to do, one process does it all.
        self._free: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        self._count = count
        for _ in range(count):
            self._free.put(None)

    def pixels(self, data: bytes, preprocessing: Preprocessing) -> Pixels:
        """What `Preprocessing.pixels` gives for a file: uint8 [size, size, 3].

        Raises:
            UnusableImage: As `images.decode.decode` does; ``too_slow`` when it took too long,
                ``corrupt`` when the decoder died of it.
        """
        decoder = self._free.get()
        try:
            if decoder is not None and decoder.is_dead():
                decoder.kill()
                decoder = None
            if decoder is None:
                decoder = _Decoder(self._limits)
                self.started += 1
            answer = decoder.ask(data, preprocessing)
        except UnusableImage:
            decoder = None
            raise
        finally:
            self._free.put(decoder)
        if answer[:1] == DECODED:
            size = preprocessing.size
            return np.frombuffer(answer, np.uint8, offset=1).reshape(size, size, 3)
        raise UnusableImage(*json.loads(answer[1:]))

    def close(self) -> None:
        """End them all; none is at work any more."""
        for _ in range(self._count):
            if decoder := self._free.get():
                decoder.kill()


class _Decoder:
    """The parent's side of one process."""

    def __init__(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = map(str, (theirs.fileno(), limits.pixels, limits.memory))
            self._process = subprocess.Popen(
                # -P: no module is taken from the folder where the user happens to be.
                [sys.executable, "-P", "-m", "headstart.serving.decoder", *numbers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # A library's threads would count against the memory, and are of no use here.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                # Ctrl-C reaches the server only.
                start_new_session=True,
            )
        self._socket = ours
        ours.settimeout(_START_SECONDS)
        receive(ours)  # it is there; the time that took is no picture's
        ours.settimeout(limits.decode_seconds)

    def ask(self, data: bytes, preprocessing: Preprocessing) -> bytes:
        """Its answer; when it gives none, it is dead afterwards."""
        try:
            self._socket.sendall(framed(_record(preprocessing), data))
            return receive(self._socket)
        except TimeoutError as error:
            self.kill()
            detail = f"not decoded after {self._socket.gettimeout():g} seconds"
            raise UnusableImage("too_slow", detail) from error
        except OSError as error:
            self.kill()
            detail = f"the decoder died of it ({self._process.returncode})"
            raise UnusableImage("corrupt", detail) from error

    def is_dead(self) -> bool:
        """Whether something ended it while it had nothing to do."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


@lru_cache(maxsize=4)
def _record(preprocessing: Preprocessing) -> bytes:
    return json.dumps(preprocessing.to_json()).encode()
