"""The one door to Pillow: bytes of a file in, one upright RGB picture out, or the reason why not.

What is decided here, for every way in alike:

- A file is what its first bytes say, whatever its name.
- EXIF orientation is applied, in every format that has it; EXIF that is broken is ignored.
- Transparent pixels are laid on white.
- Gray of more than 8 bits (and floating point) is scaled, never clipped: black is 0 and white the
  narrowest of 1, 255, 4095 and 65535 that holds the brightest pixel. A picture with values below 0
  or above 65535 is stretched from its darkest to its brightest pixel instead. No file says which
  range was meant, so one set may get several whites: flags tell, and ``headstart check`` warns.
  Colour of 16 bits loses its lower 8.
- Four-colour print (CMYK) goes through the profile in the file where there is one that works, else
  through the plain formula. An RGB picture with a profile of its own (Adobe RGB, Display P3) keeps
  its numbers: the networks were trained on pictures read that way.
- Of an animation or a file of several pages, the first.
- A file that ends before its pixels do, or whose checksum is wrong, is refused. (A flipped bit
  inside JPEG data is not always found: JPEG has no checksum.)
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import PIL.Image
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from headstart.errors import MissingExtra, UnusableImage
from headstart.extras import require
from headstart.files import content_digest
from headstart.images.complaints import hear_no_warnings_of, with_reasons
from headstart.images.sniffing import NOT_READ, READ, SNIFFED, sniff

Image: TypeAlias = PIL.Image.Image

MAX_PIXELS = 200_000_000
# Of a file: each thread holds one whole in memory, before its header can tell the pixels.
MAX_BYTES = 1_000_000_000

# Pixels kept from an earlier run are these pixels as long as this is the same.
DECODER_VERSION = f"2, Pillow {PIL.__version__}"

RESAMPLING = {
    "bilinear": PIL.Image.Resampling.BILINEAR,
    "bicubic": PIL.Image.Resampling.BICUBIC,
}

# Each format's own class instead of `Image.open`: that one hides what was wrong behind "cannot
# identify", and has a limit on pixels of its own that only a global variable lifts.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}

hear_no_warnings_of(PIL.Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin)

_WHITES = (1, 255, 4095, 65535)
_STANDARD_TABLE = 3688  # sum of the 64 numbers for brightness in the standard's annex K
_ORIENTATION, _KIND_OF_PAGE = 0x0112, 0x00FE  # tags of EXIF and TIFF
_UPRIGHT = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Picture:
    """One decoded picture.

    Args:
        image: Upright RGB; a large JPEG may already be scaled down.
        width, height: Upright size in the file, in pixels.
        format: ``"JPEG"``, ``"PNG"``, ``"WEBP"``, ``"GIF"``, ``"BMP"``, ``"TIFF"``, ``"AVIF"`` or
            ``"HEIF"``.
        mode: Pillow's name of the colours in the file, for example ``"L"``.
        flags: Some of ``"exif_rotated"`` (turned or mirrored), ``"transparent"`` (at least one
            pixel), ``"high_bit_depth"``, ``"cmyk"``, ``"multi_frame"``, ``"gray"``; and what became
            white of gray of more than 8 bits: ``"white_1"``, ``"white_255"``, ``"white_4095"``,
            ``"white_65535"`` or ``"white_own"`` (the brightest pixel).
        quality: Of a JPEG, 1 to 100, as encoders count it; 0 of other formats.
    """

    image: Image
    width: int
    height: int
    format: str
    mode: str
    flags: frozenset[str]
    quality: int = 0


def read(path: Path, *, at_least: int = 0, max_pixels: int = MAX_PIXELS) -> tuple[bytes, Picture]:
    """Read and decode one file.

    Args:
        path: The file.
        at_least: See `decode`.
        max_pixels: See `decode`.

    Returns:
        The digest of the file's bytes (`files.content_digest`) and the picture.

    Raises:
        UnusableImage: With a reason of ``headstart.unusable.REASONS``.
    """
    data = read_bytes(path)
    return content_digest(data), decode(data, at_least=at_least, max_pixels=max_pixels)


def read_bytes(path: Path) -> bytes:
    """A file's bytes, if it starts like a picture: a film is named without being read whole.

    So is a picture of more than `MAX_BYTES`.

    Raises:
        UnusableImage: With a reason of ``headstart.unusable.REASONS``.
    """
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(SNIFFED)
            _format_of(start)
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                detail = f"a file of {size} bytes; the limit is {MAX_BYTES}"
                raise UnusableImage("too_large", detail)
            return start + file.read()
    except UnusableImage:
        raise
    except FileNotFoundError as error:
        detail = "a link to a file that is not there" if path.is_symlink() else ""
        raise UnusableImage("vanished", detail) from error
    except OSError as error:
        raise UnusableImage("unreadable", error.strerror or str(error)) from error
    except ValueError as error:  # a name that no file can have
        raise UnusableImage("unreadable", str(error)) from error


def decode(data: bytes, *, at_least: int = 0, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode one picture. May be called from many threads.

    Args:
        data: The whole file.
        at_least: Above 0, a JPEG whose shorter side is at least twice as long is scaled down by
            2, 4 or 8 while it is decoded, which is several times faster; its shorter side stays
            at least this long.
        max_pixels: A picture with more, by its header, is refused before it is decoded.

    Raises:
        UnusableImage: With a reason of ``headstart.unusable.REASONS``.
    """
    name = _format_of(data[:SNIFFED])
    opener = _heif_opener() if name == "HEIF" else _OPENERS[name]
    with with_reasons(name, data):
        image = opener(io.BytesIO(data))
        _must_be_the_picture(image)
        _must_fit(image, max_pixels)
        return _picture(name, image, at_least)


def of_array(pixels: npt.NDArray[np.uint8]) -> Picture:
    """A picture that was decoded elsewhere.

    Args:
        pixels: uint8 [H, W, 3], upright RGB.

    Raises:
        UnusableImage: It is of another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise UnusableImage("not_an_image", f"{pixels.dtype} {pixels.shape}, not uint8 [H, W, 3]")
    height, width = pixels.shape[:2]
    image = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    return Picture(image, width, height, "array", "RGB", frozenset())


def _format_of(start: bytes) -> str:
    if not start:
        raise UnusableImage("empty")
    name = sniff(start)
    if name in READ:
        return name
    if name in NOT_READ:
        raise UnusableImage("format_not_supported", name)
    raise UnusableImage("not_an_image", f"looks like {name}")


def _heif_opener() -> Callable[[io.BytesIO], ImageFile]:
    try:
        opener: Callable[[io.BytesIO], ImageFile] = require("pi_heif", "heif").HeifImageFile
    except MissingExtra as error:
        raise UnusableImage("needs_extra", f"HEIF (HEIC): {error.fix}") from error
    return opener


def _must_be_the_picture(image: ImageFile) -> None:
    # Most camera raw formats are TIFF files whose first page is a small preview.
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_KIND_OF_PAGE) == 1:
        raise UnusableImage("format_not_supported", "the first page of this TIFF is a preview only")


def _must_fit(image: ImageFile, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise UnusableImage(
            "too_large", f"{width}x{height} = {width * height} pixels; the limit is {max_pixels}"
        )


def _picture(name: str, image: ImageFile, at_least: int) -> Picture:
    width, height = image.size
    mode = image.mode
    deep = _is_deep(image)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        _scale_while_decoding(image, at_least)
    # Pillow turns a TIFF while it loads it, and gives its upright size before; other formats may
    # have their EXIF behind the pixels.
    turn = _turn(image) if name == "TIFF" else 1
    image.load()
    if deep:
        _shorten_hole(image)
    rgb, seen = _to_rgb(image)
    if name != "TIFF":
        turn = _turn(image)
        if turn in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[turn])
        if turn >= 5:
            width, height = height, width
    flags = {
        "exif_rotated": turn in _UPRIGHT,
        "high_bit_depth": deep,
        "cmyk": mode == "CMYK",
        "multi_frame": _has_more_frames(image),
        "gray": mode in ("1", "L", "LA", "La") or _is_wide(mode),
    }
    found = frozenset(flag for flag in flags if flags[flag]) | seen
    return Picture(rgb, width, height, name, mode, found, _quality(image))


def _quality(image: ImageFile) -> int:
    """How coarsely a JPEG's brightness was quantised, as a share of the standard's own table.

    Source:
        The Independent JPEG Group's ``jpeg_quality_scaling``, which this turns around.
    """
    table: tuple[int, ...] = tuple(getattr(image, "quantization", {}).get(0, ()))
    if not any(table):
        return 0
    percent = 100 * sum(table) / _STANDARD_TABLE
    return min(100, max(1, round((200 - percent) / 2 if percent <= 100 else 5000 / percent)))


def _is_wide(mode: str) -> bool:
    """Gray as numbers of more than 8 bits: "I;16", "I;16B", "I" (32 bits), "F" (floating point)."""
    return mode.startswith(("I", "F"))


def _is_deep(image: ImageFile) -> bool:
    """More than 8 bits a channel. Of colour only the way it is unpacked says so ("RGB;16B")."""
    if _is_wide(image.mode):
        return True
    return image.format in ("PNG", "TIFF") and any(";16" in str(tile.args) for tile in image.tile)


def _shorten_hole(image: Image) -> None:
    # Of colours of 16 bits Pillow keeps the upper 8, but all 16 of the one that means transparent.
    hole = image.info.get("transparency")
    if isinstance(hole, tuple):
        image.info["transparency"] = tuple(part >> 8 for part in hole)


def _scale_while_decoding(image: JpegImagePlugin.JpegImageFile, at_least: int) -> None:
    # Pillow takes the largest of 2, 4, 8 that divides both sides to no less than what is asked.
    if at_least > 0 and min(image.size) >= 2 * at_least:
        image.draft(None, (at_least, at_least))


def _turn(image: ImageFile) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) where there is none or it cannot be understood."""
    try:
        tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else image.getexif()
        turn = int(tags.get(_ORIENTATION, 1))
    except Exception:  # EXIF is anything at all, and Pillow's reader raises anything at all
        return 1
    return turn if turn in _UPRIGHT else 1


def _has_more_frames(image: ImageFile) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the first frame was fine; what follows it is broken
        return True


def _to_rgb(image: Image) -> tuple[Image, set[str]]:
    """RGB of the same size, and flags of what was seen on the way."""
    if _is_wide(image.mode):
        return _scaled(image)
    if image.mode == "CMYK":
        return _from_print(image), set()
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return (image if image.mode == "RGB" else image.convert("RGB")), set()


def _on_white(image: Image) -> tuple[Image, set[str]]:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB"), set()
    page = PIL.Image.new("RGB", image.size, "white")
    page.paste(image, mask=alpha)
    return page, {"transparent"}


def _scaled(image: Image) -> tuple[Image, set[str]]:
    """Gray of 16 or 32 bits, whole or floating point, brought to 8 (see the top of this file)."""
    values = np.array(image, dtype=np.float32)
    values[~np.isfinite(values)] = 0
    hole = image.info.get("transparency")  # PNG: one gray that means transparent
    holes = values == hole if isinstance(hole, int) else np.zeros(values.shape, dtype=bool)
    black, white = _black_and_white(values, rounded=image.mode == "F")
    gray = (values - black) * np.float32(255 / (white - black))
    gray[holes] = 255
    pixels = np.clip(np.rint(gray), 0, 255).astype(np.uint8)
    seen = {"transparent"} if holes.any() else set()
    if values.any():  # black is black whatever is white
        seen.add(f"white_{white}" if black == 0 and white in _WHITES else "white_own")
    return PIL.Image.fromarray(pixels).convert("RGB"), seen


def _black_and_white(values: npt.NDArray[np.float32], rounded: bool) -> tuple[float, float]:
    darkest, brightest = float(values.min()), float(values.max())
    # Resampling leaves floating point a little over its white: 1.02 must not mean 255.
    slack = 1.1 if rounded else 1.0
    for white in _WHITES:
        if darkest >= 0 and brightest <= white * slack:
            return 0.0, white
    return darkest, brightest if brightest > darkest else darkest + 1


def _from_print(image: Image) -> Image:
    profile = image.info.get("icc_profile")
    if profile:
        # A broken or foreign profile is a reason for the plain formula, not for an error.
        with contextlib.suppress(Exception):
            return _through_profile(image, profile)
    return image.convert("RGB")


def _through_profile(image: Image, profile: bytes) -> Image:
    from PIL import ImageCms  # seldom needed, and not quick to import

    screen = ImageCms.createProfile("sRGB")
    rgb = ImageCms.profileToProfile(image, io.BytesIO(profile), screen, outputMode="RGB")
    if rgb is None:
        raise ValueError("the picture was changed in place")
    return rgb
