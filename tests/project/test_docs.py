"""The README and the docs are true: commands, options, keys, codes, imports and links."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pytest

from headstart.cli.main import main
from headstart.datasets.finding import Finding
from headstart.unusable import REASONS, Unusable

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(headstart [^`]*)`")
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


class Piece(NamedTuple):
    """Something in a page that can be tried."""

    page: str
    text: str


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(language: str) -> Iterator[Piece]:
    for page in PAGES:
        for found, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield Piece(named(page), text)


def commands() -> Iterator[Piece]:
    """Every `headstart ...` in fenced blocks; after `$ ` where output stands between."""
    for page, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            yield from (Piece(page, one) for one in headstart_parts(line))
    for page, text in blocks("console"):
        for line in text.splitlines():
            if line.startswith("$ "):
                yield from (Piece(page, one) for one in headstart_parts(line[2:]))


def headstart_parts(line: str) -> Iterator[str]:
    """The calls of headstart in a line of shell, without pipes, redirections and comments."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|>;&")
    words.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("|>;&"):
            parts.append([])
        else:
            parts[-1].append(word)
    for part in parts:
        if part and part[0].rpartition("/")[2] == "headstart":
            yield shlex.join(["headstart", *part[1:]])


def command_of(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"there is no command {name!r}"
    return command


def options_of(command: click.Command) -> set[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    return {
        word
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden
        for word in (*parameter.opts, *parameter.secondary_opts)
    }


def test_commands_are_found() -> None:
    assert len(list(commands())) >= 15
    parts = headstart_parts("find . | .venv/bin/headstart predict b - --csv > x.csv  # why")
    assert list(parts) == ["headstart predict b - --csv"]


@pytest.mark.parametrize("piece", list(commands()), ids=lambda piece: piece.text)
def test_commands_in_blocks_can_be_parsed(piece: Piece) -> None:
    _, *words = shlex.split(piece.text)
    if words == ["--version"]:
        assert "--version" in options_of(main)
        return
    name, *arguments = words
    command_of(name).make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_sentences_exist(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for line in _INLINE.findall(text):
        name = line.split()[1]
        if name.startswith("-"):
            assert name in options_of(main), line
        elif name != "COMMAND":
            known = options_of(command_of(name))
            assert set(re.findall(r"(?<!\S)\[?(--?[a-z][a-z-]*)", line)) <= known, line


def test_every_option_mentioned_exists_somewhere() -> None:
    known = set().union(*(options_of(command_of(name)) for name in main.list_commands(None)))
    text = _FENCE.sub("", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"))
    mentioned = set(re.findall(r"`(--?[a-z][a-z-]*)", text))
    assert mentioned - known - options_of(main) == set()


@pytest.mark.parametrize("name", main.list_commands(None))
def test_every_option_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"headstart {name}" in text
    missing = [word for word in options_of(command_of(name)) if f"`{word}" not in text]
    assert not missing


@pytest.mark.parametrize("piece", list(blocks("python")), ids=lambda piece: piece.page)
def test_python_compiles_and_its_names_exist(piece: Piece) -> None:
    tree = ast.parse(piece.text, piece.page)
    modules: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                modules[name.asname or name.name] = importlib.import_module(name.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            assert module is None or hasattr(module, node.attr), f"{node.value.id}.{node.attr}"


def test_python_names_in_sentences_exist() -> None:
    import headstart

    for page in PAGES:
        for name in re.findall(r"`hs\.(\w+)", page.read_text(encoding="utf-8")):
            assert hasattr(headstart, name), f"{named(page)}: hs.{name}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """What GitHub calls a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_reason_is_explained() -> None:
    text = (ROOT / "docs" / "bad-pictures.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(REASONS)


def test_every_recipe_setting_is_named() -> None:
    from headstart.workflows.recipe import Recipe

    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert [name for name in vars(Recipe()) if f"`{name}`" not in text] == []


def test_every_finding_is_named() -> None:
    """Kinds as they are written in the source: the first argument, or ``kind=``."""
    source = "".join(
        (ROOT / "src/headstart/datasets" / name).read_text()
        for name in ("checks.py", "giveaway.py")
    )
    calls = r'(?:Finding|_classes|_pictures|_pairs)\(\s*(?:kind=)?"(\w+)"'
    kinds = set(re.findall(calls, source))
    assert {"leakage", "giveaway", "tiny_class", "near_duplicates", "imbalance"} <= kinds
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [kind for kind in kinds if f"`{kind}`" not in text] == []


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_every_key_of_the_receipt_is_documented(bundle: Path) -> None:
    receipt = json.loads((bundle / "receipt.json").read_text())
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert sorted({key for key in keys_of(receipt) if f"`{key}`" not in text}) == []


def test_every_key_of_the_bundle_is_documented(bundle: Path) -> None:
    record = json.loads((bundle / "bundle.json").read_text())
    text = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
    assert [key for key in record if f"`{key}`" not in text] == []
    files = {file.name for file in bundle.iterdir()}
    assert [name for name in files if f"`{name}`" not in text] == []


def test_every_key_of_a_prediction_is_documented() -> None:
    from headstart.model.prediction import Prediction

    prediction = Prediction("a.jpg", "cat", 1.0, (("cat", 1.0),), False, None)
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [key for key in keys_of(prediction.to_json()) if f"`{key}`" not in text] == []


def test_every_key_of_an_evaluation_is_documented() -> None:
    from headstart.reports.results import Results
    from headstart.workflows.evaluate import Evaluated

    y, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    leaked = np.array([True, False, False])
    results = Results.of(y, probabilities, ("cat", "dog"), leaked=leaked)
    evaluated = Evaluated(results, (Unusable("a.jpg", "empty"),), 1, 0, True, "all", "", 1)
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert sorted({key for key in keys_of(evaluated.to_json()) if f"`{key}`" not in text}) == []


def test_every_key_of_a_finding_is_documented() -> None:
    finding = Finding("leakage", "problem", 1, "1 picture", ("a.jpg",))
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [key for key in finding.to_json() if f"`{key}`" not in text] == []
