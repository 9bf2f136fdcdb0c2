"""The addresses of the server, and what stands behind each: the doorkeeper of Starlette."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import headstart
from headstart.serving import inference
from headstart.serving.answering import Answer, Answering, Source
from headstart.serving.counts import CONTENT_TYPE, Counts
from headstart.serving.current import Current, Served
from headstart.serving.description import openapi
from headstart.serving.gate import Access, Gate
from headstart.serving.limits import Limits
from headstart.serving.refusal import Refusal, as_json, not_usable
from headstart.serving.uploads import uploads_in
from headstart.unusable import REASONS

_PAGE = Path(__file__).parent / "page"
_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_SIMILAR = 50
_FIGURES = ("accuracy", "interval", "num_images", "without_leakage")


class Doors:
    """What answers at each address.

    Args:
        name: Under which the model is known.
        current: The bundle that is served.
        answering: The threads that work on pictures.
        limits: How much is taken.
        counts: What was counted.
        say: Told when a bundle took the place of another, or was refused.
    """

    def __init__(
        self,
        name: str,
        current: Current,
        answering: Answering,
        limits: Limits,
        counts: Counts,
        say: Callable[[str], None],
    ) -> None:
        self.name, self.current, self.limits = name, current, limits
        self._answering, self._counts, self._say = answering, counts, say
        self.reload_asked = False
        self.gate: Gate

    async def predict(self, request: Request) -> Response:
        """``POST /predict``."""
        top = _number(request, "top", None, 10_000_000)
        similar = _number(request, "similar", 0, _MOST_SIMILAR) or 0
        served = self._served(similar)
        kind = request.headers.get("content-type", "")
        uploads = uploads_in(kind, await request.body(), self.limits.pictures)
        answers = await self._usable(served, uploads, top, similar)
        return _json([answer.to_json(top, similar) for answer in answers])

    async def infer(self, request: Request) -> Response:
        """``POST /v2/models/NAME/infer``."""
        self._must_be_known(request)
        served = self.current.served
        body = await request.body()
        # A tensor in JSON takes long to read: others are answered meanwhile.
        asked, sources = await asyncio.to_thread(inference.read, body, self.limits)
        answers = await self._usable(served, sources, None, 0, every=True)
        predictions = [answer.prediction for answer in answers]
        names = served.classifier.class_names
        return _json(inference.answer(self.name, asked, predictions, names))

    async def about(self, request: Request) -> Response:
        """``GET /about``: what the page shows before the first picture."""
        served = self.current.served
        classifier = served.classifier
        return _json(
            {
                "headstart": headstart.__version__,
                "name": self.name,
                "classes": classifier.class_names,
                "backbone": classifier.record.backbone["name"],
                "head": classifier.record.head["name"],
                "warning": classifier.warning,
                "test": {name: classifier.test.get(name) for name in _FIGURES},
                "similar": served.gallery is not None,
                "reasons": REASONS,
                "limits": {
                    "pictures": self.limits.pictures,
                    "bytes": self.limits.body,
                    "pixels": self.limits.pixels,
                },
            }
        )

    async def alive(self, request: Request) -> Response:
        """``GET /healthz`` and ``/v2/health/live``."""
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """``GET /readyz``, ``/v2/health/ready`` and ``/v2/models/NAME/ready``."""
        self._must_be_known(request)
        return _json({"ready": True})

    async def server(self, request: Request) -> Response:
        """``GET /v2``."""
        return _json({"name": "headstart", "version": headstart.__version__, "extensions": []})

    async def model(self, request: Request) -> Response:
        """``GET /v2/models/NAME``."""
        self._must_be_known(request)
        return _json(inference.metadata(self.name, self.current.served.classifier.class_names))

    async def metrics(self, request: Request) -> Response:
        """``GET /metrics``."""
        now = {
            "requests_in_progress": self.gate.requests,
            "bytes_held": self.gate.held,
            "decoders_started_total": self._answering.decoders.started,
            "bundle_loaded_seconds": self.current.served.loaded,
        }
        return Response(self._counts.text(now), headers={"content-type": CONTENT_TYPE})

    async def description(self, request: Request) -> Response:
        """``GET /openapi.json``."""
        return _json(openapi(headstart.__version__, self.limits, _MOST_SIMILAR))

    async def watch(self) -> None:
        """Take what is put in the bundle's place, as long as the server runs."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if self.reload_asked or await asyncio.to_thread(self.current.changed):
                self.reload_asked = False
                await asyncio.to_thread(self._reload)

    def _reload(self) -> None:
        try:
            self.current.reload()
        except Exception as error:  # whatever is wrong with it: the old one, and the watch, go on
            self._counts.add("reloads_total", result="refused")
            self._say(f"the new bundle is refused, the old one goes on: {error}")
        else:
            self._counts.add("reloads_total", result="taken")
            self._say(f"reloaded: {self.current.served.classifier!r}")

    async def _usable(
        self,
        served: Served,
        sources: Sequence[Source],
        top: int | None,
        similar: int,
        *,
        every: bool = False,
    ) -> list[Answer]:
        """Answers of which at least one, or every one, has a label."""
        answers = await self._answering.answer(served, sources, similar)
        unusable = [one.prediction for one in answers if one.prediction.label is None]
        if len(unusable) == len(answers) or (unusable and every):
            rows = [answer.to_json(top, similar) for answer in answers]
            raise not_usable(unusable, len(answers), rows)
        return answers

    def _served(self, similar: int) -> Served:
        served = self.current.served
        if similar and served.gallery is None:
            raise Refusal(
                400,
                f"similar={similar}, and the bundle holds no training pictures",
                "a bundle with a gallery: not of --gallery 0, nor of an older version",
                "make it again with headstart fit --gallery 100000, or leave out similar",
            )
        return served

    def _must_be_known(self, request: Request) -> None:
        name = request.path_params.get("name", self.name)
        if name != self.name:
            raise Refusal(
                404,
                f"there is no model {name[:100]!r}",
                f"the one that is served: {self.name!r}",
                f"ask for /v2/models/{self.name}",
            )


def make_app(doors: Doors, access: Access, limits: Limits, counts: Counts) -> Gate:
    """The whole server as an ASGI app."""
    routes = [
        Route("/", _file("index.html", "text/html")),
        Route("/page.css", _file("page.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
        Route("/predict", doors.predict, methods=["POST"]),
        Route("/about", doors.about),
        Route("/healthz", doors.alive),
        Route("/readyz", doors.ready),
        Route("/metrics", doors.metrics),
        Route("/openapi.json", doors.description),
        Route("/v2", doors.server),
        Route("/v2/health/live", doors.alive),
        Route("/v2/health/ready", doors.ready),
        Route("/v2/models/{name}", doors.model),
        Route("/v2/models/{name}/ready", doors.ready),
        Route("/v2/models/{name}/infer", doors.infer, methods=["POST"]),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(doors.watch())
        yield
        watching.cancel()

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={Refusal: _refuse, HTTPException: _refuse_address, 500: _fault},
    )
    app.router.redirect_slashes = False
    doors.gate = Gate(app, access, limits, counts)
    return doors.gate


def _number(request: Request, name: str, otherwise: int | None, most: int) -> int | None:
    """A whole number of the query; what else is asked there must not be ignored in silence."""
    unknown = set(request.query_params) - {"top", "similar"}
    text = request.query_params.get(name)
    if unknown:
        name, text = min(unknown), request.query_params[min(unknown)]
    elif text is None:
        return otherwise
    elif text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most:
        return int(text)
    raise Refusal(
        400,
        f"{name[:100]}={text[:100]}",
        f"top=K and similar=K, each a number from 1; similar at most {_MOST_SIMILAR}",
        "ask for /predict?top=3&similar=5",
    )


def _json(value: Any) -> Response:
    return Response(as_json(value), media_type="application/json")


def _file(name: str, kind: str) -> Any:
    content = (_PAGE / name).read_bytes()

    async def page(request: Request) -> Response:
        return Response(content, media_type=kind)

    return page


async def _refuse(request: Request, refusal: Any) -> Response:
    return Response(refusal.body(), refusal.status, refusal.headers, "application/json")


async def _refuse_address(request: Request, error: Any) -> Response:
    what = f"{request.method} {request.url.path[:200]}: {error.detail}"
    refusal = Refusal(
        error.status_code, what, "an address of /openapi.json", "look there", error.headers
    )
    return await _refuse(request, refusal)


async def _fault(request: Request, error: Exception) -> Response:
    refusal = Refusal(
        500,
        f"a fault of ours: {type(error).__name__}",
        "an answer",
        "the server's log holds the traceback; please report it",
    )
    return await _refuse(request, refusal)
