"""What the journeys share."""

import hashlib
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

VOID = {"meta", "br", "img", "line", "rect", "circle", "polyline"}


@pytest.fixture
def fit(headstart, own_cache, tiny) -> Callable[..., Any]:
    """`headstart fit --json`, quick network and head, and a feature store of the test's own."""

    def call(pictures, out, *options):
        head = () if "--head" in options else ("--head", "ridge")
        # Another seed is another random network, which would be built.
        quick = ("--backbone", tiny.name, "--weights", "random")
        network = () if {"--seed", "--backbone"} & {*options} else quick
        place = ("--out", out, "--cache", own_cache)
        return headstart("fit", pictures, *place, *network, *head, "--json", *options)

    return call


@pytest.fixture(scope="session")
def state_of() -> Callable[[Path], dict[bytes, tuple[Any, ...]]]:
    """Every entry of a tree: name, mode, time of change and content."""

    def call(folder: Path) -> dict[bytes, tuple[Any, ...]]:
        return {
            os.fsencode(path): (
                path.lstat().st_mode,
                path.lstat().st_mtime_ns,
                path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in [folder, *folder.rglob("*")]
        }

    return call


class Page(HTMLParser):
    """A page's tags and text; fails when tags are not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="session")
def page_of() -> Callable[[Path], Page]:
    """A bundle's report, read."""
    return lambda bundle: Page((bundle / "report.html").read_text(encoding="utf-8"))
