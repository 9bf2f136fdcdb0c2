import dataclasses
import io
import json

import numpy as np
import PIL.Image
import pytest
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from headstart.errors import SettingError
from headstart.images.decode import Picture, decode
from headstart.images.preprocessing import Preprocessing

MEAN, STD = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)


def _preprocessing(size: int = 224, resize: int = 256, interpolation: str = "bicubic"):
    return Preprocessing(size, resize, interpolation, mean=MEAN, std=STD)


def _image(width: int, height: int, seed: int = 0) -> PIL.Image.Image:
    """Blocks with sharp edges and grain: an error in the grid shows in them.

    Away from 0 and 255: what bicubic overshoots and Pillow cuts off between its two passes depends
    on which pass comes first, and that is not the same for a part and for the whole.
    """
    generator = np.random.default_rng(seed)
    blocks = generator.integers(80, 176, (height // 9 + 2, width // 9 + 2, 3))
    image = blocks.repeat(9, axis=0).repeat(9, axis=1)[:height, :width]
    return PIL.Image.fromarray((image + generator.integers(-9, 10, image.shape)).astype(np.uint8))


def _picture(image: PIL.Image.Image) -> Picture:
    return Picture(image, image.width, image.height, "PNG", "RGB", frozenset())


def _difference(ours: np.ndarray, theirs: object) -> int:
    return int(np.abs(ours.astype(int) - np.asarray(theirs).astype(int)).max())


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("size", "resize"), [(64, 73), (64, 64), (75, 60), (33, 40)])
@pytest.mark.parametrize(
    ("width", "height"),
    [(100, 100), (101, 76), (76, 101), (300, 64), (31, 97), (64, 64), (73, 500), (1, 90), (60, 60)],
)
def test_equals_torchvision(
    width: int, height: int, size: int, resize: int, interpolation: str
) -> None:
    image = _image(width, height)
    pixels = _preprocessing(size, resize, interpolation).pixels(_picture(image))
    mode = InterpolationMode(interpolation)
    theirs = Compose([Resize(resize, mode, antialias=True), CenterCrop(size)])(image)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    assert _difference(pixels, theirs) <= 1


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (640, 481), (257, 1003)])
def test_equals_resizing_everything_and_cropping_after(width: int, height: int) -> None:
    image = _image(width, height)
    shorter = min(width, height)
    whole = image.resize(
        (int(256 * width / shorter), int(256 * height / shorter)), PIL.Image.Resampling.BICUBIC
    )
    left, top = round((whole.width - 224) / 2), round((whole.height - 224) / 2)
    crop = whole.crop((left, top, left + 224, top + 224))
    assert _difference(_preprocessing().pixels(_picture(image)), crop) <= 1


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (1, 1), (3, 20000)])
def test_extreme_shapes_show_their_centre(width: int, height: int) -> None:
    image = PIL.Image.new("RGB", (width, height), (10, 200, 90))
    pixels = _preprocessing().pixels(_picture(image))
    assert (pixels == (10, 200, 90)).all()


def test_pixels_are_ready_for_a_network() -> None:
    pixels = _preprocessing().pixels(_picture(_image(300, 200)))
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable


@pytest.mark.parametrize(("width", "height"), [(2002, 1501), (1501, 2002), (1290, 1037)])
def test_a_jpeg_scaled_down_while_decoding_lands_on_the_same_grid(width: int, height: int) -> None:
    # Smooth, as photographs of this many pixels are at the scale of one pixel.
    image = _image(width // 10, height // 10).resize((width, height), PIL.Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    preprocessing = _preprocessing(112, 128)
    scaled = decode(buffer.getvalue(), at_least=preprocessing.at_least)
    assert min(scaled.image.size) < min(width, height)
    whole = preprocessing.pixels(decode(buffer.getvalue())).astype(int)
    difference = np.abs(preprocessing.pixels(scaled).astype(int) - whole).mean()
    shifted = np.abs(whole[:, 1:] - whole[:, :-1]).mean()
    assert difference < 0.05 * shifted  # a twentieth of what one pixel of shift would make


def test_at_least_is_twice_the_resize() -> None:
    assert _preprocessing(224, 256).at_least == 512


def test_json_both_ways() -> None:
    preprocessing = Preprocessing(224, 256, "bilinear", mean=(1.5, 2.0, 3.0), std=(4.0, 5.0, 6.25))
    record = json.loads(json.dumps(preprocessing.to_json()))
    assert Preprocessing.from_json(record) == preprocessing
    # What is as it always was is not in the record: older records stay equal to newer ones.
    assert set(record) | {"crop"} == {field.name for field in dataclasses.fields(preprocessing)}
    whole = Preprocessing(224, 224, mean=(1.5, 2.0, 3.0), std=(4.0, 5.0, 6.25), crop=False)
    assert Preprocessing.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_without_a_crop_the_whole_picture_is_squeezed_into_the_square() -> None:
    image = _image(90, 50)
    squeezing = Preprocessing(40, 40, "bilinear", mean=MEAN, std=STD, crop=False)
    # As keras.utils.load_img(target_size=(40, 40), interpolation="bilinear") does it.
    expected = image.resize((40, 40), PIL.Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(squeezing.pixels(_picture(image)), np.asarray(expected))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 224.0},
        {"resize": -1},
        {"resize": True},
        {"interpolation": "nearest"},
        {"crop": False},
        {"crop": 0},
        {"mean": (1.0, 2.0)},
        {"mean": (1.0, 2.0, float("nan"))},
        {"std": (1.0, 0.0, 1.0)},
    ],
)
def test_refuses_values_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError) as caught:
        dataclasses.replace(_preprocessing(), **wrong)
    (name,) = wrong
    assert caught.value.what.startswith(f"{name} is ")


@pytest.mark.parametrize("change", [{"crop": 1}, {"mean": None}, {"std": None}])
def test_refuses_a_record_of_something_else(change: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        Preprocessing.from_json(_preprocessing().to_json() | change)


def test_refuses_a_record_that_lacks_something() -> None:
    record = _preprocessing().to_json()
    del record["mean"]
    with pytest.raises(SettingError):
        Preprocessing.from_json(record)
