"""A picture of pictures: each row an original and its augmented views, with what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from headstart.errors import SettingError
from headstart.files import written_whole

_MARGIN, _LINE, _LINES = 8, 13, 4
_MARK = ("Software", "headstart augment")


@dataclass(frozen=True, eq=False)
class Tile:
    """One square of the sheet.

    Args:
        pixels: uint8 [size, size, 3].
        caption: What stands below it.
    """

    pixels: npt.NDArray[np.uint8]
    caption: str


def write_sheet(path: Path, rows: Sequence[Sequence[Tile]]) -> None:
    """Write the rows as one PNG; every row has as many tiles, of one size.

    Raises:
        StoreError: It cannot be written.
    """
    side = len(rows[0][0].pixels)
    across, down = side + _MARGIN, side + _LINES * _LINE + _MARGIN
    size = (len(rows[0]) * across + _MARGIN, len(rows) * down + _MARGIN)
    sheet = Image.new("RGB", size, "white")
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            _place(sheet, tile, _MARGIN + column * across, _MARGIN + row * down)
    information = PngImagePlugin.PngInfo()
    information.add_text(*_MARK)
    with written_whole(path) as temporary:
        sheet.save(temporary, "PNG", pnginfo=information)


def must_be_free(path: Path) -> None:
    """Only a sheet of ours may be replaced.

    Raises:
        SettingError: Something else is there.
    """
    if (path.exists() or path.is_symlink()) and not _is_ours(path):
        raise SettingError(
            f"{path} is there already, and is not a sheet of augmented pictures",
            "a new place, or an older sheet to be replaced",
            "choose another place with --out FILE.png",
        )


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file, PngImagePlugin.PngImageFile(file) as image:
            return bool(image.info.get(_MARK[0]) == _MARK[1])
    except (OSError, SyntaxError, ValueError):
        return False


def _place(sheet: Image.Image, tile: Tile, left: int, top: int) -> None:
    sheet.paste(Image.fromarray(tile.pixels), (left, top))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_LINE - 2)
    side = len(tile.pixels)
    lines = _wrapped(tile.caption, lambda text: pen.textlength(text, font) <= side)
    for number, line in enumerate(lines[:_LINES]):
        pen.text((left, top + side + number * _LINE), line, "black", font)


def _wrapped(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Lines of whole words; a word that is too long alone loses its beginning."""
    lines: list[str] = []
    for word in text.split():
        while len(word) > 1 and not fits(word):
            word = "…" + word.lstrip("…")[1:]
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
