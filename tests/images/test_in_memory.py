"""Pictures in memory take the road of files."""

import io

import numpy as np
import PIL.Image
import pytest

from headstart.errors import SettingError
from headstart.images.decode import decode
from headstart.images.in_memory import as_bytes, is_picture


def some(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_nothing_is_lost() -> None:
    pixels = some(20, 30, 3)
    for given in (pixels, PIL.Image.fromarray(pixels)):
        assert is_picture(given)
        assert np.array_equal(np.asarray(decode(as_bytes(given)).image), pixels)
    assert decode(as_bytes(pixels[:, :, 0])).mode == "L"
    assert decode(as_bytes(some(20, 30, 4))).mode == "RGBA"


def test_a_photograph_is_turned_as_its_camera_says() -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    PIL.Image.fromarray(some(20, 30, 3)).save(stream, "JPEG", exif=exif)
    again = decode(as_bytes(PIL.Image.open(stream)))
    assert (again.width, again.height, again.flags) == (20, 30, frozenset())


@pytest.mark.parametrize(
    "given",
    [5, "cat.jpg", some(4, 4, 3) / 255, some(0, 4, 3), some(3, 4, 5), some(2, 4, 4, 3)],
)
def test_what_is_no_picture(given: object) -> None:
    with pytest.raises(SettingError, match="is no picture"):
        as_bytes(given)


def test_modes_that_a_file_may_have_too() -> None:
    for mode in ("1", "P", "CMYK", "YCbCr", "HSV", "I;16", "LA"):
        assert decode(as_bytes(PIL.Image.new(mode, (8, 6)))).width == 8
    assert decode(as_bytes(some(8, 6, 1))).mode == "L"


def test_a_picture_that_cannot_be_read_says_so() -> None:
    stream = io.BytesIO()
    PIL.Image.fromarray(some(64, 64, 3)).save(stream, "JPEG")
    cut = PIL.Image.open(io.BytesIO(stream.getvalue()[:-300]))
    with pytest.raises(SettingError, match="cannot be read"):
        as_bytes(cut)


def test_many_pictures_are_not_one() -> None:
    assert not is_picture(some(5, 8, 8, 3))
    assert not is_picture(some(5, 8, 8))
    assert not is_picture([some(8, 8, 3)])


def same_as_a_file(picture: PIL.Image.Image, kind: str) -> bool:
    stream = io.BytesIO()
    picture.save(stream, kind)
    ours, file = (decode(data).image for data in (as_bytes(picture), stream.getvalue()))
    return np.array_equal(np.asarray(ours), np.asarray(file))


def test_numbers_beyond_a_byte_are_read_as_in_a_file() -> None:
    wide = np.random.default_rng(0).integers(0, 2**16, (8, 6), dtype=np.uint16)
    big_endian = PIL.Image.frombytes("I;16B", (6, 8), wide.astype(">u2").tobytes())
    assert same_as_a_file(PIL.Image.fromarray(wide), "PNG")
    assert same_as_a_file(big_endian, "TIFF")
    assert same_as_a_file(PIL.Image.fromarray(wide.astype(np.int32)), "TIFF")
    assert same_as_a_file(PIL.Image.fromarray(wide.astype(np.float32) / 2**16), "TIFF")


@pytest.mark.parametrize("mode", ["RGBa", "La", "PA"])
def test_what_is_transparent_stands_on_white(mode: str) -> None:
    clear = PIL.Image.new({"La": "LA"}.get(mode, "RGBA"), (8, 6), 0)
    picture = PIL.Image.new("PA", (8, 6), 0) if mode == "PA" else clear.convert(mode)
    assert np.asarray(decode(as_bytes(picture)).image).min() == 255
