"""Runs the app on a socket, with deadlines for slow clients: the doorkeeper of uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from headstart.errors import StoreError
from headstart.serving.answering import Answering
from headstart.serving.app import Doors, make_app
from headstart.serving.counts import Counts
from headstart.serving.current import Choice, Current
from headstart.serving.gate import Access, too_slow
from headstart.serving.limits import Limits
from headstart.serving.refusal import Refusal, too_busy

_REASONS = {408: b"Request Timeout", 503: b"Service Unavailable"}


@dataclass(frozen=True)
class Settings:
    """How a bundle is served.

    Args:
        host: Address to listen on.
        port: 0: any that is free.
        name: Of the model; None: the folder's.
        choice: How the bundle is loaded.
        access: Who may ask.
        limits: How much is taken.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    name: str | None = None
    choice: Choice = field(default_factory=Choice)
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)


class Server:
    """A bundle behind a socket.

    Args:
        folder: The bundle's.
        settings: How it is served.
        say: Told, in lines, what happens.

    Raises:
        BundleError: There is no whole bundle.
        SettingError: It cannot do what was chosen.
        StoreError: The address cannot be listened on.
    """

    def __init__(
        self, folder: Path, settings: Settings, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self.current = Current(folder, settings.choice)
        self.name = settings.name or folder.resolve().name.removesuffix(".headstart")
        self._limits = limits = settings.limits
        counts = Counts()
        self._answering = Answering(settings.choice.threads, limits, counts)
        self._doors = Doors(self.name, self.current, self._answering, limits, counts, say)
        self._app = make_app(self._doors, settings.access, limits, counts)
        self._socket = _listening(settings.host, settings.port, limits.connections)
        self.port: int = self._socket.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{self.port}/"
        self._server: _Uvicorn | None = None

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; what was begun is finished."""
        config = uvicorn.Config(
            self._app,
            http=_protocol(self._limits),
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=16 * 1024,
            timeout_graceful_shutdown=int(self._limits.answer_seconds) + 1,
        )
        self._server = _Uvicorn(config, self._ask_for_reload)
        try:
            self._server.run([self._socket])
        finally:
            self._socket.close()
            self._answering.close()

    def stop(self) -> None:
        """Finish what was begun, then end `run`; from any thread."""
        if self._server is not None:
            self._server.should_exit = True

    def _ask_for_reload(self) -> None:
        self._doors.reload_asked = True


class _Uvicorn(uvicorn.Server):
    """Ends well on SIGTERM and Ctrl-C (the original ends by the signal), reloads on SIGHUP."""

    def __init__(self, config: uvicorn.Config, reload: Callable[[], None]) -> None:
        super().__init__(config)
        self._reload = reload

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to signals, in the main thread only: no other can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        yield
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


def _protocol(limits: Limits) -> type[H11Protocol]:
    """uvicorn's, with deadlines: it waits for ever for a header and for a reader.

    (A request's body has its deadline in `gate`, where it is asked for.)
    """

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._header, self._reader = _Deadline(self.loop), _Deadline(self.loop)
            if len(self.connections) > limits.connections:
                self._refuse(too_busy(f"{limits.connections} connections are open"))
            else:
                self._await_header()

        def connection_lost(self, exc: Exception | None) -> None:
            self._header.clear()
            self._reader.clear()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            if not self._header.is_set and self.conn.their_state is h11.IDLE:
                self._await_header()
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._header.clear()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reader.set(limits.send_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._reader.clear()

        def _await_header(self) -> None:
            self._header.set(limits.header_seconds, self._too_slow)

        def _too_slow(self) -> None:
            self._refuse(too_slow("header", limits.header_seconds))

        def _refuse(self, refusal: Refusal) -> None:
            self.transport.write(_raw(refusal))
            self.transport.close()

    return Protocol


class _Deadline:
    """Something that happens unless it is cleared in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._handle is not None

    def set(self, seconds: float, otherwise: Callable[[], Any]) -> None:
        self.clear()
        self._handle = self._loop.call_later(seconds, otherwise)

    def clear(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def _raw(refusal: Refusal) -> bytes:
    """An answer where there was no request."""
    body = refusal.body()
    return b"HTTP/1.1 %d %s\r\n%s\r\n\r\n%s" % (
        refusal.status,
        _REASONS[refusal.status],
        b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d" % len(body),
        body,
    )


def _listening(host: str, port: int, backlog: int) -> socket.socket:
    """From now on clients wait, instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=backlog)
        # Taken over by every connection. An answer is written in two parts: without this the second
        # waits until the client has confirmed the first, 40 ms.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        raise StoreError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            "an address of this machine and a port that is free",
            "choose another with --host and --port (--port 0 takes any that is free)",
        ) from error
