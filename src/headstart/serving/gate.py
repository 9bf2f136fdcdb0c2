"""What every request passes: who may ask, how much may come in, how long it may take.

Pure ASGI, around the app: nothing of the body is read that is not allowed, and the app is given
bodies that have arrived whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from headstart.serving.counts import Counts
from headstart.serving.limits import Limits
from headstart.serving.refusal import Refusal, too_busy

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Nothing in them is secret: the page must come up before it can ask for the token.
OPEN = {"/", "/page.css", "/page.js", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}

_SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_SAFE_HEADERS = [(name.encode(), value.encode()) for name, value in _SAFE.items()]

# Whoever is refused while still sending reads the answer only after that.
_DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Args:
        token: What ``Authorization: Bearer`` must say; None: nothing.
        hosts: Names under which this server is known, besides ``localhost`` and addresses.
    """

    token: str | None = None
    hosts: frozenset[str] = frozenset()

    def check(self, path: str, headers: dict[bytes, bytes]) -> None:
        """Let a request in.

        With a token, pages of other sites can do nothing here. Without one, a browser is asked
        under which name it knows this server (a stranger's name that leads here is how foreign
        pages reach servers on the same machine) and on whose behalf it asks.

        Raises:
            Refusal: It may not come in.
        """
        if self.token is not None:
            self._check_token(path, headers.get(b"authorization", b""))
        else:
            self._check_names(headers)

    def _check_token(self, path: str, given: bytes) -> None:
        assert self.token is not None
        kind, _, token = given.partition(b" ")
        right = hmac.compare_digest(token.strip(), self.token.encode())
        if path not in OPEN and not (right and kind.lower() == b"bearer"):
            raise Refusal(
                401,
                "the token is wrong" if given else "no token was sent",
                "the header Authorization: Bearer TOKEN",
                "send the token that the server was started with",
                {"www-authenticate": 'Bearer realm="headstart"'},
            )

    def _check_names(self, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"localhost").decode("latin-1").lower()
        if not self._is_ours(_name_in(f"//{host}")):
            raise Refusal(
                421,
                f"the host name {host[:100]!r} is not one of this server's",
                "its address, localhost, or a name it was told",
                "start it with --allow-host NAME",
            )
        origin = headers.get(b"origin")
        if origin is None:
            return
        asked = origin.decode("latin-1").lower()
        if asked.partition("://")[2] != host and _name_in(asked) not in self.hosts:
            raise Refusal(
                403,
                f"a page of {asked[:100]!r} asks",
                "this server's own page, or a program",
                "start it with --allow-host NAME, or with a token",
            )

    def _is_ours(self, name: str) -> bool:
        if name == "localhost" or name in self.hosts:
            return True
        try:
            return bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def _name_in(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class Gate:
    """Stands before the app.

    Args:
        app: What is behind it.
        access: Who may ask.
        limits: How much, and how long.
        counts: Told about every request.
    """

    def __init__(self, app: App, access: Access, limits: Limits, counts: Counts) -> None:
        self._app, self._access, self._limits, self._counts = app, access, limits, counts
        self.requests = self.held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the app's start and end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        answer = _Answer(send, scope["method"], dict(scope["headers"]))
        try:
            await self._pass(scope, receive, answer)
        finally:
            # By name, not by path: strangers can ask for as many paths as they like.
            endpoint = getattr(scope.get("endpoint"), "__name__", "none")
            seconds = time.perf_counter() - start
            timed = scope["method"] == "POST"
            self._counts.request(endpoint, answer.status, seconds, timed=timed)

    async def _pass(self, scope: Message, receive: Receive, answer: _Answer) -> None:
        headers = dict(scope["headers"])
        try:
            self._access.check(scope["path"], headers)
            if scope["method"] != "POST":
                await self._app(scope, receive, answer.send)
                return
            with self._holding() as hold:
                body = await self._body(headers, receive, hold, answer)
                with self._working():
                    await self._app(scope, _whole(body, receive), answer.send)
        except Refusal as refusal:
            if answer.body_comes:
                await _drain(receive)
            await answer.refuse(refusal)
        except _Gone:
            answer.status = 499  # nobody is there to be told

    async def _body(
        self,
        headers: dict[bytes, bytes],
        receive: Receive,
        hold: Callable[[int], None],
        answer: _Answer,
    ) -> bytes:
        self._must_have_room()
        _must_fit(int(headers.get(b"content-length", b"0")), self._limits.body)
        chunks, total = [], 0
        answer.body_comes = answer.body_unread
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                more = True
                while more:
                    chunk, more = _part(await receive())
                    total += len(chunk)
                    _must_fit(total, self._limits.body)
                    hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError as error:
            answer.body_comes = False
            raise too_slow("body", self._limits.body_seconds) from error
        answer.body_unread = answer.body_comes = False
        return b"".join(chunks)

    @contextlib.contextmanager
    def _holding(self) -> Iterator[Callable[[int], None]]:
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            if self.held + size > self._limits.held:
                raise too_busy(f"requests of {self.held} bytes are in memory")
            mine += size
            self.held += size

        try:
            yield hold
        finally:
            self.held -= mine

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        self._must_have_room()
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    def _must_have_room(self) -> None:
        if self.requests >= self._limits.requests:
            raise too_busy(f"{self.requests} requests are being worked on")


def too_slow(part: str, seconds: float) -> Refusal:
    """A request did not arrive in time."""
    return Refusal(
        408,
        f"the request's {part} had not arrived after {seconds:g} seconds",
        "all of it in that time",
        "send it again, or a smaller one",
    )


def _must_fit(size: int, most: int) -> None:
    if size > most:
        raise Refusal(
            413,
            f"a body of {size} bytes or more",
            f"{most} bytes at most",
            "send fewer or smaller pictures in one request",
        )


class _Gone(Exception):
    """Whoever asked has closed the connection."""


def _part(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise _Gone
    return message.get("body", b""), message.get("more_body", False)


def _whole(body: bytes, receive: Receive) -> Receive:
    """A body that has arrived, then whatever else happens on the connection."""
    waiting = [body]

    async def from_memory() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return from_memory


async def _drain(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError, _Gone):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while _part(await receive())[1]:
                pass


class _Answer:
    """An answer on its way: its status, and the headers that every answer has."""

    def __init__(self, send: Send, method: str, headers: dict[bytes, bytes]) -> None:
        self._send = send
        self.status = 500
        # A body that is not read to its end: the connection cannot be used for another request.
        length = headers.get(b"content-length", b"0")
        self.body_unread = length != b"0" or b"transfer-encoding" in headers
        # A careful client asks whether it may send, and does not before it is told.
        self.body_comes = self.body_unread and method == "POST" and b"expect" not in headers

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            closing = [(b"connection", b"close")] if self.body_unread else []
            message = {**message, "headers": [*message["headers"], *_SAFE_HEADERS, *closing]}
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        body = refusal.body()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers += [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
        start = {"type": "http.response.start", "status": refusal.status, "headers": headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})
