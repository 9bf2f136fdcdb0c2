"""Recipes as TOML files: those of this package, and a user's own."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import SettingError

_FOLDER = Path(__file__).parent / "recipes"
_TABLE = "fine_tuning"
# Said of a recipe; they set nothing.
_WORDS = ("about", "source")


@dataclass(frozen=True)
class Named:
    """A recipe of this package.

    Args:
        name: For ``--recipe``, for example ``"classic:vgg16-logistic"``.
        about: What it is, in one line.
        source: Who published it.
        text: The file.
    """

    name: str
    about: str
    source: str
    text: str


def named_recipes() -> dict[str, Named]:
    """Those of this package, by name."""
    files = sorted(_FOLDER.glob("*/*.toml"))
    return {each.name: each for each in map(_named, files)}


def read_recipe(given: str | Path, known: Iterable[str]) -> dict[str, Any]:
    """The settings of a recipe.

    Args:
        given: The name of one of this package, or a file's path.
        known: Settings that there are.

    Raises:
        SettingError: There is none of that name, it is no TOML, or it sets what is not known.
    """
    read = _parsed(text_of(given), given)
    nested = read.pop(_TABLE, {})
    if not isinstance(nested, dict):
        raise _wrong(given, f"{_TABLE} is {nested!r}", "a table", f"[{_TABLE}]")
    settings = {name: value for name, value in read.items() if name not in _WORDS}
    known = list(known)
    for name in (*settings, *nested):
        if name not in known:
            fix = near(name, known) or "headstart recipes show NAME shows how one looks"
            raise _wrong(given, f"no setting is called {name!r}", f"one of {', '.join(known)}", fix)
    twice = settings.keys() & nested.keys()
    if twice:
        name = min(twice)
        raise _wrong(given, f"{name} is set twice", "each setting once", f"leave one {name} out")
    return settings | nested


def text_of(given: str | Path) -> str:
    """The TOML of a recipe.

    Args:
        given: As for `read_recipe`.

    Raises:
        SettingError: There is none of that name, or it is no text.
    """
    recipes = named_recipes()
    if str(given) in recipes:
        return recipes[str(given)].text
    path = Path(given).expanduser()
    if not path.is_file():
        raise SettingError(
            f"no recipe is called {str(given)!r}, and no file is there",
            f"a .toml file, or one of {', '.join(recipes)}",
            near(str(given), recipes) or "headstart recipes",
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _wrong(given, str(error), "a TOML file in UTF-8", "save it as UTF-8") from error


def recipe_text(settings: dict[str, Any]) -> str:
    """The TOML of plain settings; what is None is left out, for None is what its absence means."""
    return "".join(
        f"{name} = {_toml(value)}\n" for name, value in settings.items() if value is not None
    )


def near(name: str, known: Iterable[str]) -> str:
    """A question after the nearest names; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), n=2)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _named(file: Path) -> Named:
    text = file.read_text(encoding="utf-8")
    read = tomllib.loads(text)
    return Named(f"{file.parent.name}:{file.stem}", read["about"], read["source"], text)


def _parsed(text: str, given: str | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fix = 'look at that line; text stands in quotes: backbone = "resnet50"'
        raise _wrong(given, str(error), "a TOML file", fix) from error


def _wrong(given: str | Path, what: str, expected: str, fix: str) -> SettingError:
    return SettingError(f"recipe {given}: {what}", expected, fix)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(
            f"{_quoted(key)} = {_toml(each)}" for key, each in value.items() if each is not None
        )
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes, and one for the character that JSON leaves alone."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
