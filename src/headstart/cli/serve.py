"""`headstart serve`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from headstart.cli import options
from headstart.cli.console import Console
from headstart.cli.shares import share

_LOCAL = ("127.0.0.1", "localhost", "::1")


def _limit(name: str, default: int, unit: str, meaning: str) -> Callable[[Any], Any]:
    kind = click.IntRange(min=1)
    return click.option(
        name, type=kind, default=default, show_default=True, metavar=unit, help=meaning
    )


@click.command("serve", short_help="answer over HTTP, with a page of its own")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one."
)
@click.option("--name", metavar="NAME", help="Of the model.  [default: the bundle's folder]")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask for the token in this file.  [default: HEADSTART_TOKEN, if set]",
)
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="A name of this server; may be repeated."
)
@options.max_error("as fit set it")
@click.option("--sets", type=share, metavar="X", help="Add sets of classes, as for predict.")
@_limit("--max-pictures", 32, "N", "In one request.")
@_limit("--max-body", 32, "MB", "Megabytes of one request.")
@_limit("--max-pixels", 50, "MP", "Megapixels of one picture.")
@_limit("--max-requests", 64, "N", "Worked on at once.")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use.  [default: all]")
@click.option("--seed", type=int, hidden=True, expose_value=False)
@click.option("--quiet", "-q", is_flag=True, help="Show errors only.")
def command(
    bundle: Path,
    host: str,
    port: int,
    name: str | None,
    token_file: Path | None,
    allow_host: tuple[str, ...],
    max_error: float | None,
    sets: float | None,
    max_pictures: int,
    max_body: int,
    max_pixels: int,
    max_requests: int,
    threads: int | None,
    quiet: bool,
) -> None:
    """Answer over HTTP: a page to drop pictures on, and addresses for programs.

    \b
    headstart serve pets.headstart
    curl -F file=@cat.jpg http://127.0.0.1:8000/predict

    Only this machine can reach it unless --host says otherwise. A bundle that is put in the place
    of BUNDLE is taken without a stop. Ctrl-C or SIGTERM: what was begun is finished.
    """  # noqa: D301
    from headstart.extras import require

    for library in ("starlette", "uvicorn", "python_multipart"):
        require(library, "serve")
    from headstart.serving.current import Choice
    from headstart.serving.gate import Access
    from headstart.serving.limits import MEGABYTE, Limits
    from headstart.serving.server import Server, Settings

    console = Console(quiet=quiet)
    token = _token(token_file)
    server = Server(
        bundle,
        Settings(
            host=host,
            port=port,
            name=name,
            choice=Choice(threads, max_error, sets),
            access=Access(token, frozenset(one.lower() for one in allow_host)),
            limits=Limits(
                pictures=max_pictures,
                body=max_body * MEGABYTE,
                pixels=max_pixels * 1_000_000,
                requests=max_requests,
            ),
        ),
        console.say,
    )
    if warning := server.current.served.classifier.warning:
        console.say(warning)
    if host not in _LOCAL and token is None:
        console.say(f"anyone who reaches {host} may ask: --token-file FILE asks for a token")
    console.say(f"serving {server.name} on {server.url} (Ctrl-C ends)")
    server.run()
    console.say("stopped")


def _token(file: Path | None) -> str | None:
    from headstart.errors import SettingError

    token = os.environ.get("HEADSTART_TOKEN") if file is None else file.read_text("utf-8")
    if token is None:
        return None
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingError(
            f"the token in {file or 'HEADSTART_TOKEN'} cannot be sent in a header",
            "one word of printable ASCII characters",
            "openssl rand -hex 32 > FILE makes one",
        )
    return token
