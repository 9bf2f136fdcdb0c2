import io
import os
import struct
import sys
import types
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.ExifTags
import PIL.features
import PIL.Image
import PIL.ImageFile
import pytest
from PIL.JpegImagePlugin import JpegImageFile

from headstart.errors import UnusableImage
from headstart.files import content_digest
from headstart.images.decode import MAX_BYTES, MAX_PIXELS, Picture, decode, read, read_bytes
from headstart.unusable import REASONS

ROWS, COLUMNS = np.mgrid[:40, :60]
COLOURS = np.stack([COLUMNS * 4, ROWS * 6, (COLUMNS + ROWS) * 2], axis=-1).astype(np.uint8)
RGB = PIL.Image.fromarray(COLOURS)
TURNED = RGB.transpose(PIL.Image.Transpose.ROTATE_180)
LOSSY = 12  # the largest error of the lossy formats on these soft colours


def saved(image: PIL.Image.Image, name: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **settings)
    return buffer.getvalue()


def oriented(turn: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = turn
    exif[PIL.ExifTags.Base.Make] = "maker"
    return exif


def pixels(picture: Picture) -> np.ndarray:
    assert picture.image.mode == "RGB"
    return np.asarray(picture.image).astype(int)


def far(picture: Picture, expected: np.ndarray) -> int:
    return int(np.abs(pixels(picture) - expected.astype(int)).max())


def refused(data: bytes, **settings: int) -> UnusableImage:
    with pytest.raises(UnusableImage) as caught:
        decode(data, **settings)
    assert caught.value.reason in REASONS
    return caught.value


def chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


# --- Formats -------------------------------------------------------------------------------------

EVERY_FORMAT = {
    "JPEG": saved(RGB, "JPEG", quality=95, exif=oriented(1)),
    "progressive JPEG": saved(RGB, "JPEG", quality=95, progressive=True),
    "CMYK JPEG": saved(RGB.convert("CMYK"), "JPEG", quality=95),
    "PNG": saved(RGB, "PNG", exif=oriented(1)),
    "palette PNG": saved(RGB.quantize(256), "PNG"),
    "transparent PNG": saved(RGB.quantize(16), "PNG", transparency=0),
    "16-bit PNG": saved(PIL.Image.fromarray((COLUMNS * 1000).astype(np.uint16)), "PNG"),
    "animated PNG": saved(RGB, "PNG", save_all=True, append_images=[TURNED]),
    "WEBP": saved(RGB, "WEBP", quality=95, exif=oriented(1)),
    "lossless WEBP": saved(RGB.convert("RGBA"), "WEBP", lossless=True),
    "animated WEBP": saved(RGB, "WEBP", lossless=True, save_all=True, append_images=[TURNED]),
    "GIF": saved(RGB, "GIF"),
    "animated GIF": saved(RGB, "GIF", save_all=True, append_images=[TURNED]),
    "BMP": saved(RGB, "BMP"),
    "palette BMP": saved(RGB.quantize(256), "BMP"),
    "TIFF": saved(RGB, "TIFF", exif=oriented(1)),
    "LZW TIFF": saved(RGB, "TIFF", compression="tiff_lzw"),
    "JPEG TIFF": saved(RGB, "TIFF", compression="jpeg"),
    "CMYK TIFF": saved(RGB.convert("CMYK"), "TIFF"),
    "float TIFF": saved(PIL.Image.fromarray((COLUMNS / 59).astype(np.float32)), "TIFF"),
    "TIFF of two pages": saved(RGB, "TIFF", save_all=True, append_images=[TURNED]),
    "AVIF": saved(RGB, "AVIF", quality=95, exif=oriented(1)),
}
COLOURFUL = [
    name for name in EVERY_FORMAT if not name.startswith(("16-bit", "float", "transparent"))
]


@pytest.mark.parametrize("name", COLOURFUL)
def test_every_format_gives_its_colours(name: str) -> None:
    picture = decode(EVERY_FORMAT[name])
    assert picture.format == name.replace(" of two pages", "").split()[-1]
    assert (picture.width, picture.height) == (60, 40)
    tolerance = 45 if "palette" in name or "GIF" in name else LOSSY
    assert far(picture, COLOURS) <= tolerance
    assert abs(pixels(picture).mean() - COLOURS.mean()) < 5


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("JPEG", set()),
        ("CMYK JPEG", {"cmyk"}),
        ("CMYK TIFF", {"cmyk"}),
        ("transparent PNG", {"transparent"}),
        ("lossless WEBP", set()),  # an alpha channel, but opaque
        ("16-bit PNG", {"high_bit_depth", "gray", "white_65535"}),
        ("float TIFF", {"high_bit_depth", "gray", "white_1"}),
        ("animated PNG", {"multi_frame"}),
        ("animated WEBP", {"multi_frame"}),
        ("animated GIF", {"multi_frame"}),
        ("TIFF of two pages", {"multi_frame"}),
    ],
)
def test_flags(name: str, flags: set[str]) -> None:
    assert decode(EVERY_FORMAT[name]).flags == flags


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_mode_is_that_of_the_file(mode: str) -> None:
    image = PIL.Image.new(mode, (5, 4))
    picture = decode(saved(image, "PNG"))
    assert picture.mode == mode
    assert ("gray" in picture.flags) == (mode in ("1", "L", "LA", "I;16"))


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(EVERY_FORMAT["PNG"])
    digest, picture = read(path)
    assert picture.format == "PNG"
    assert digest == content_digest(EVERY_FORMAT["PNG"]) == content_digest(path.read_bytes())


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_odd_sizes(size: tuple[int, int], name: str) -> None:
    picture = decode(saved(PIL.Image.new("RGB", size, (200, 30, 90)), name), at_least=512)
    assert picture.image.size == (picture.width, picture.height) == size
    assert far(picture, np.array([200, 30, 90])) <= LOSSY


def test_heif_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    failure = refused(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert failure.reason == "needs_extra"
    assert "pip install '.[heif]'" in failure.detail


def test_heif_with_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    library = types.ModuleType("pi_heif")
    library.HeifImageFile = lambda file: JpegImageFile(io.BytesIO(EVERY_FORMAT["JPEG"]))
    monkeypatch.setitem(sys.modules, "pi_heif", library)
    picture = decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert picture.format == "HEIF"
    assert far(picture, COLOURS) <= LOSSY


# --- Orientation ---------------------------------------------------------------------------------

# The EXIF standard, table 6 ("the 0th row is the visual top, ..."), in numpy: stored to upright.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("turn", UPRIGHT)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "LZW TIFF", "AVIF"])
def test_orientation_is_applied(turn: int, name: str) -> None:
    settings = {"compression": "tiff_lzw"} if name == "LZW TIFF" else {}
    if name in ("JPEG", "WEBP", "AVIF"):
        settings = {"quality": 95}
    picture = decode(saved(RGB, name.split()[-1], exif=oriented(turn), **settings))
    expected = UPRIGHT[turn](COLOURS)
    assert (picture.height, picture.width) == expected.shape[:2]
    assert far(picture, expected) <= LOSSY
    assert ("exif_rotated" in picture.flags) == (turn != 1)


@pytest.mark.parametrize("turn", UPRIGHT)
def test_orientation_of_a_jpeg_scaled_down(turn: int) -> None:
    large = RGB.resize((960, 640))
    picture = decode(saved(large, "JPEG", exif=oriented(turn), quality=95), at_least=160)
    expected = UPRIGHT[turn](np.asarray(large.resize((240, 160), PIL.Image.Resampling.BOX)))
    assert (picture.height, picture.width) == UPRIGHT[turn](np.asarray(large)).shape[:2]
    assert far(picture, expected) <= LOSSY


@pytest.mark.parametrize("turn", [0, 9, 99])
def test_orientations_that_do_not_exist_are_ignored(turn: int) -> None:
    picture = decode(saved(RGB, "PNG", exif=oriented(turn)))
    assert far(picture, COLOURS) == 0
    assert not picture.flags


BROKEN_EXIF = [
    b"Exif\0\0",
    b"Exif\0\0garbage that is no TIFF header",
    b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01",  # five entries are announced
    b"Exif\0\0II*\0\xff\xff\xff\x7f",
    # A text far outside the file, then an orientation that is a text.
    b"Exif\0\0II*\0\x08\0\0\0\x02\0"
    + struct.pack("<HHII", 0x010F, 2, 5000, 9999)
    + struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0")
    + b"\0\0\0\0",
]


@pytest.mark.parametrize("exif", BROKEN_EXIF)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_ignored_in_silence(name: str, exif: bytes) -> None:
    data = saved(RGB, name, exif=exif, quality=95)
    with ThreadPoolExecutor(4) as pool:  # warnings are errors here, in every thread
        for picture in pool.map(decode, [data] * 8):
            assert far(picture, COLOURS) <= LOSSY
            assert not picture.flags


def test_pillow_alone_would_have_warned() -> None:
    with pytest.warns(UserWarning):
        PIL.Image.open(io.BytesIO(saved(RGB, "JPEG", exif=BROKEN_EXIF[2]))).getexif()


# --- Transparency --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(name: str) -> None:
    alpha = (COLUMNS * 255 // 59).astype(np.uint8)
    image = RGB.copy()
    image.putalpha(PIL.Image.fromarray(alpha))
    settings = {"lossless": True, "exact": True} if name == "WEBP" else {}
    picture = decode(saved(image, name, **settings))
    share = alpha[..., None] / 255
    assert far(picture, np.rint(COLOURS * share + 255 * (1 - share))) <= 1
    assert picture.flags == {"transparent"}


def test_gray_with_alpha() -> None:
    image = PIL.Image.new("LA", (2, 1), (100, 255))
    image.putpixel((1, 0), (100, 0))
    picture = decode(saved(image, "PNG"))
    assert pixels(picture).tolist() == [[[100] * 3, [255] * 3]]
    assert picture.flags == {"gray", "transparent"}


def test_a_hole_in_a_palette_is_white_in_an_animated_gif() -> None:
    image = PIL.Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.putpixel((2, 3), 0)
    other = image.copy()
    other.putpixel((0, 0), 2)
    data = saved(image, "GIF", transparency=0, save_all=True, append_images=[other])
    picture = decode(data)
    expected = np.full((4, 4, 3), (255, 0, 0))
    expected[3, 2] = 255
    assert far(picture, expected) == 0
    assert picture.flags == {"transparent", "multi_frame"}


def test_a_palette_with_alpha() -> None:
    image = PIL.Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    picture = decode(saved(image, "PNG", transparency=bytes([0, 255, 51])))
    assert pixels(picture).tolist() == [[[255] * 3, [255, 0, 0], [204, 204, 255]]]


@pytest.mark.parametrize(
    ("depth", "colour", "row", "hole", "expected"),
    [
        (8, 0, bytes([7, 90]), struct.pack(">H", 7), [[255] * 3, [90] * 3]),
        (1, 0, bytes([0b01000000]), struct.pack(">H", 0), [[255] * 3, [255] * 3]),
        (16, 0, struct.pack(">HH", 0, 65535), struct.pack(">H", 0), [[255] * 3, [255] * 3]),
        (8, 2, bytes([1, 2, 3, 4, 5, 6]), struct.pack(">HHH", 1, 2, 3), [[255] * 3, [4, 5, 6]]),
    ],
)
def test_png_with_one_colour_that_means_transparent(
    depth: int, colour: int, row: bytes, hole: bytes, expected: list[list[int]]
) -> None:
    data = chunk(b"IDAT", zlib.compress(b"\0" + row))
    picture = decode(png(2, 1, depth, colour, chunk(b"tRNS", hole), data))
    assert pixels(picture).tolist() == [expected]
    assert "transparent" in picture.flags


def test_a_colour_of_16_bits_that_means_transparent() -> None:
    row = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x3412, 0x7856, 0xBC9A)
    hole = chunk(b"tRNS", row[:6])
    picture = decode(png(2, 1, 16, 2, hole, chunk(b"IDAT", zlib.compress(b"\0" + row))))
    assert pixels(picture).tolist() == [[[255] * 3, [0x34, 0x78, 0xBC]]]
    assert picture.flags == {"transparent", "high_bit_depth"}


# --- More than 8 bits ----------------------------------------------------------------------------


def _white(values: np.ndarray) -> str:
    """The flag of what became white."""
    found = decode(saved(PIL.Image.fromarray(values), "TIFF")).flags
    return "".join(flag for flag in found if flag.startswith("white_"))


def _gray(values: np.ndarray, name: str = "TIFF") -> np.ndarray:
    picture = decode(saved(PIL.Image.fromarray(values), name))
    assert picture.flags - {_white(values)} == {"high_bit_depth", "gray"}
    assert (pixels(picture).min(axis=-1) == pixels(picture).max(axis=-1)).all()
    return pixels(picture)[..., 0]


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_a_16_bit_ramp_becomes_an_8_bit_ramp(name: str) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert (_gray(ramp, name) == np.rint(ramp / 257)).all()


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_white_is_the_narrowest_usual_range(white: int, kind: type) -> None:
    values = np.linspace(0, white, 256).astype(kind)
    values = np.stack([values, values])
    expected = np.rint(values.astype(float) * 255 / white)
    assert np.abs(_gray(values) - expected).max() <= 1
    assert _gray(values).max() == 255


def test_one_step_more_takes_the_next_range() -> None:
    assert _gray(np.array([[0, 256]], dtype=np.uint16)).tolist() == [[0, round(256 * 255 / 4095)]]


@pytest.mark.parametrize(
    ("values", "white"),
    [
        ([1, 0], "white_1"),
        ([0, 255], "white_255"),
        ([0, 256], "white_4095"),
        ([0, 4096], "white_65535"),
        ([-1, 255], "white_own"),
        ([0, 65536], "white_own"),
        ([0, 0], ""),  # black is black whatever is white
    ],
)
def test_what_became_white_is_a_flag(values: list[int], white: str) -> None:
    assert _white(np.array([values], dtype=np.int32)) == white


def test_floating_point_a_little_over_one_is_still_zero_to_one() -> None:
    values = np.array([[0.0, 0.5, 1.0, 1.02]], dtype=np.float32)
    assert _gray(values).tolist() == [[0, 128, 255, 255]]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_values_below_zero_are_stretched_and_not_clipped(kind: type) -> None:
    values = np.linspace(-1024, 3071, 256).astype(kind)[None]
    assert np.abs(_gray(values) - np.arange(256)).max() <= 1


def test_values_above_65535_are_stretched_and_not_clipped() -> None:
    assert _gray(np.array([[10, 1_000_010]], dtype=np.int32)).tolist() == [[0, 255]]


@pytest.mark.parametrize("value", [0, -5, 100_000])
def test_a_flat_picture_divides_by_nothing(value: int) -> None:
    assert np.unique(_gray(np.full((3, 3), value, dtype=np.int32))).tolist() == [0]


def test_values_that_are_not_finite_are_black() -> None:
    values = np.array([[0, 1, np.nan, np.inf, -np.inf]], dtype=np.float32)
    assert _gray(values).tolist() == [[0, 255, 0, 0, 0]]


def test_16_bit_gray_of_the_other_byte_order() -> None:
    values = np.array([[0, 4660, 65535]], dtype=">u2")
    image = PIL.Image.frombytes("I;16B", (3, 1), values.tobytes())
    assert pixels(decode(saved(image, "TIFF")))[0, :, 0].tolist() == [0, round(4660 / 257), 255]


def test_16_bit_colour_keeps_its_upper_8_bits() -> None:
    row = struct.pack(">HHH", 0x1234, 0x80FF, 0xFFFF)
    picture = decode(png(1, 1, 16, 2, chunk(b"IDAT", zlib.compress(b"\0" + row))))
    assert pixels(picture).tolist() == [[[0x12, 0x80, 0xFF]]]
    assert picture.flags == {"high_bit_depth"}


# --- Print colours -------------------------------------------------------------------------------


def _print_profile() -> bytes:
    """An ICC profile of a press whose cyan ink is red: paper is white, everything else black."""
    corners = np.zeros((2, 2, 2, 2, 3), dtype=np.uint8)
    corners[..., 1:] = 128  # Lab as 8 bits: a and b are 0 at 128
    corners[0, 0, 0, 0] = (255, 128, 128)
    corners[1, 0, 0, 0] = (round(54.29 * 2.55), 128 + 81, 128 + 70)  # sRGB's red in Lab
    line = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += line * 4 + corners.tobytes() + line * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    header = struct.pack(">II4s4s4s", 144 + len(table), 0, b"\2\x40\0\0", b"prtr", b"CMYK")
    header += b"Lab " + bytes(12) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + table


def _inks() -> PIL.Image.Image:
    inks = PIL.Image.new("CMYK", (64, 16), (0, 0, 0, 0))
    inks.paste((255, 0, 0, 0), (0, 0, 32, 16))
    return inks


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
@pytest.mark.parametrize("profile", [None, b"a broken profile"])
def test_print_colours_by_the_plain_formula(name: str, profile: bytes | None) -> None:
    settings = {"icc_profile": profile} if profile else {}
    picture = decode(saved(_inks(), name, **settings))
    assert np.abs(pixels(picture)[8, 8] - (0, 255, 255)).max() <= 3
    assert np.abs(pixels(picture)[8, 56] - (255, 255, 255)).max() <= 3
    assert picture.flags == {"cmyk"}


@pytest.mark.skipif(not PIL.features.check("littlecms2"), reason="Pillow without LittleCMS")
@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_print_colours_through_the_profile_in_the_file(name: str) -> None:
    picture = decode(saved(_inks(), name, icc_profile=_print_profile()))
    assert np.abs(pixels(picture)[8, 8] - (255, 0, 0)).max() <= 6
    assert np.abs(pixels(picture)[8, 56] - (255, 255, 255)).max() <= 3
    assert picture.flags == {"cmyk"}


# --- Scaling while decoding ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    ("size", "at_least", "scaled"),
    [
        ((1000, 801), 0, (1000, 801)),
        ((1000, 801), 401, (1000, 801)),  # not twice as long
        ((1000, 801), 400, (500, 401)),
        ((801, 1000), 201, (401, 500)),
        ((1000, 801), 200, (250, 201)),
        ((1000, 801), 10, (125, 101)),
    ],
)
def test_a_large_jpeg_is_scaled_down(
    mode: str, size: tuple[int, int], at_least: int, scaled: tuple[int, int]
) -> None:
    image = RGB.resize(size, PIL.Image.Resampling.BICUBIC)
    picture = decode(saved(image.convert(mode), "JPEG", quality=95), at_least=at_least)
    assert (picture.width, picture.height) == size
    assert picture.image.size == scaled
    assert picture.mode == mode
    expected = image.convert(mode).convert("RGB").resize(scaled, PIL.Image.Resampling.BOX)
    assert np.abs(pixels(picture) - np.asarray(expected).astype(int)).mean() < 3


def test_only_jpeg_is_scaled_down() -> None:
    picture = decode(EVERY_FORMAT["PNG"], at_least=5)
    assert picture.image.size == (60, 40)


# --- Bad files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", "empty", ""),
        (b"<html><body>Forbidden</body></html>", "not_an_image", "looks like an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image", "looks like an SVG drawing"),
        (b"%PDF-1.4", "not_an_image", "looks like a PDF document"),
        (np.random.default_rng(0).bytes(500), "not_an_image", "looks like unknown bytes"),
        (b"8BPS\0\1" + bytes(20), "format_not_supported", "PSD"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "format_not_supported", "EPS"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "format_not_supported", "JPEG 2000"),
        (
            saved(RGB, "TIFF", tiffinfo={0x00FE: 1}),
            "format_not_supported",
            "the first page of this TIFF is a preview only",
        ),
    ],
)
def test_what_is_not_read_says_why(data: bytes, reason: str, detail: str) -> None:
    failure = refused(data)
    assert (failure.reason, failure.detail) == (reason, detail)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_a_file_that_ends_early_is_refused(name: str, part: float) -> None:
    data = EVERY_FORMAT[name]
    if name.startswith("animated") or "two pages" in name:
        part = part / 3  # well inside the first frame
    reason = refused(data[: int(len(data) * part)]).reason
    # Where a TIFF holds JPEG, Pillow does not say what was wrong with it.
    assert reason in (("truncated", "corrupt") if name == "JPEG TIFF" else ("truncated",))


def test_a_jpeg_without_its_last_bytes_is_refused() -> None:
    assert refused(EVERY_FORMAT["JPEG"][:-40]).reason == "truncated"


def test_a_png_that_lacks_only_its_end_mark_is_whole() -> None:
    assert far(decode(EVERY_FORMAT["PNG"][:-12]), COLOURS) == 0


def test_a_png_with_a_wrong_checksum_is_corrupt() -> None:
    data = bytearray(EVERY_FORMAT["PNG"])
    data[data.index(b"IDAT") + 30] ^= 1
    assert refused(bytes(data)).reason == "corrupt"
    header = bytearray(EVERY_FORMAT["PNG"])
    header[20] ^= 1
    failure = refused(bytes(header))
    assert failure.reason == "corrupt"
    assert "checksum" in failure.detail


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    bomb = png(30_000, 30_000, 8, 0, chunk(b"IDAT", zlib.compress(bytes(100))))
    failure = refused(bomb)
    assert failure.reason == "too_large"
    assert failure.detail == f"30000x30000 = 900000000 pixels; the limit is {MAX_PIXELS}"


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_the_limit_on_pixels_is_the_callers(name: str) -> None:
    assert refused(EVERY_FORMAT[name], max_pixels=60 * 40 - 1).reason == "too_large"
    assert decode(EVERY_FORMAT[name], max_pixels=60 * 40).width == 60


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_pillows_own_limit_warns_nobody_and_is_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PIL.Image.MAX_IMAGE_PIXELS == 89_478_485  # Pillow's default: we do not touch it
    assert not PIL.ImageFile.LOAD_TRUNCATED_IMAGES
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 60 * 40 - 1)
    assert decode(EVERY_FORMAT[name]).width == 60


def test_a_second_frame_that_is_broken_does_not_matter() -> None:
    data = EVERY_FORMAT["animated GIF"]
    assert far(decode(data[: len(data) * 3 // 4]), pixels(decode(data))) == 0


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_whatever_is_broken_gives_a_picture_or_a_reason(name: str) -> None:
    data = EVERY_FORMAT[name]
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    reasons = set()
    for attempt in range(120):
        broken = bytearray(data)
        if attempt % 3 == 0:
            broken = broken[: generator.integers(1, len(data))]
        else:  # in the header, or anywhere
            end = min(len(data), 300) if attempt % 3 == 1 else len(data)
            for at in generator.integers(0, end, generator.integers(1, 6)):
                broken[at] = generator.integers(256)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                picture = decode(bytes(broken), at_least=8, max_pixels=1_000_000)
            assert picture.image.mode == "RGB"
        except UnusableImage as failure:
            reasons.add(failure.reason)
    assert "truncated" in reasons
    assert reasons <= set(REASONS)


# --- Files ---------------------------------------------------------------------------------------


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnusableImage) as caught:
        read(tmp_path / "gone.jpg")
    assert caught.value.reason == "vanished"


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(UnusableImage, match="a link to a file that is not there") as caught:
        read(tmp_path / "link.jpg")
    assert caught.value.reason == "vanished"


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnusableImage, match="directory") as caught:
        read(tmp_path)
    assert caught.value.reason == "unreadable"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(UnusableImage, match="Permission denied") as caught:
        read(tmp_path / "a.jpg")
    assert caught.value.reason == "unreadable"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UnusableImage) as caught:
        read(tmp_path / "a.jpg")
    assert caught.value.reason == "empty"


def test_a_film_is_named_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    os.truncate(path, 1 << 36)  # 64 GB that take no room on the disk
    with pytest.raises(UnusableImage, match="a video") as caught:
        read_bytes(path)
    assert caught.value.reason == "not_an_image"


def test_a_picture_of_too_many_bytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(EVERY_FORMAT["BMP"])
    os.truncate(path, MAX_BYTES + 1)
    with pytest.raises(UnusableImage) as caught:
        read_bytes(path)
    assert caught.value.reason == "too_large"
    assert caught.value.detail == f"a file of {MAX_BYTES + 1} bytes; the limit is {MAX_BYTES}"


def test_a_picture_longer_than_its_start_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(EVERY_FORMAT["BMP"])
    assert len(EVERY_FORMAT["BMP"]) > 4096
    assert read_bytes(path) == EVERY_FORMAT["BMP"]


@pytest.mark.parametrize("quality", [25, 40, 75, 92, 100])
def test_the_quality_of_a_jpeg_is_known(quality: int) -> None:
    stream = io.BytesIO()
    PIL.Image.new("RGB", (40, 40), "teal").save(stream, "JPEG", quality=quality)
    assert abs(decode(stream.getvalue()).quality - quality) <= 1
    png = io.BytesIO()
    PIL.Image.new("RGB", (40, 40)).save(png, "PNG")
    assert decode(png.getvalue()).quality == 0
