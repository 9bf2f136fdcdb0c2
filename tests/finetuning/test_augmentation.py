import colorsys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
vision = pytest.importorskip("torchvision.transforms.v2.functional")

from headstart.finetuning.augmentation import augment, render  # noqa: E402
from headstart.finetuning.presets import PRESETS  # noqa: E402
from headstart.finetuning.settings import Augmentation  # noqa: E402
from headstart.finetuning.view import Part, View, random_of  # noqa: E402
from headstart.images.decode import of_array  # noqa: E402
from headstart.images.preprocessing import Preprocessing  # noqa: E402

SMALL = Preprocessing(64, 72, "bicubic", mean=(127, 126, 125), std=(128, 128, 128))


def picture_of(width=200, height=150, seed=0, low=0, high=256):
    """Smooth random colours."""
    random = np.random.default_rng(seed)
    small = random.integers(low, high, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return of_array(np.asarray(image))


@pytest.mark.parametrize("size", [(200, 150), (31, 90), (8, 8)])
def test_without_augmentation_it_is_the_preprocessing(size):
    picture = picture_of(*size)
    pixels = augment(picture, SMALL, PRESETS["none"], random_of(0, 0, 0))
    assert np.array_equal(pixels, SMALL.pixels(picture))
    flipped = augment(picture, SMALL, Augmentation(flip=1), random_of(0, 0, 0))
    assert np.array_equal(flipped, pixels[:, ::-1])


def test_the_same_in_any_order_from_any_thread():
    pictures = [picture_of(seed=seed) for seed in range(6)]
    keys = [(index, view) for index in range(6) for view in range(4)]

    def one(key):
        return augment(pictures[key[0]], SMALL, PRESETS["strong"], random_of(7, *key))

    state = torch.random.get_rng_state()
    before = [one(key) for key in keys]
    with ThreadPoolExecutor(4) as pool:
        after = list(pool.map(one, reversed(keys)))[::-1]
    assert np.array_equal(before, after)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(200, 150), (1, 1), (3, 500), (8, 8)])
def test_every_shape_of_picture(preset, size):
    for view in range(8):
        pixels = augment(picture_of(*size), SMALL, PRESETS[preset], random_of(0, 0, view))
        assert (pixels.shape, pixels.dtype) == ((64, 64, 3), np.uint8)
        assert pixels.flags.c_contiguous


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_a_crop_is_pillows(interpolation):
    preprocessing = Preprocessing(64, 72, interpolation, mean=SMALL.mean, std=SMALL.std)
    picture = picture_of(400, 400)
    pixels = render(picture, preprocessing, View(part=Part(0.25, 1.0, 0.5, 1.0)))
    method = getattr(Image.Resampling, interpolation.upper())
    theirs = picture.image.resize((64, 64), method, box=(100, 200, 300, 400))
    assert np.abs(pixels.astype(int) - np.asarray(theirs)).max() <= 2


def test_turning_is_pillows():
    picture = picture_of(288, 288)
    ours = render(picture, SMALL, View(angle=30))
    whole = picture.image.rotate(30, Image.Resampling.BICUBIC)
    theirs = SMALL.pixels(of_array(np.asarray(whole)))
    inner = np.s_[16:48, 16:48]
    assert np.abs(ours[inner].astype(int) - theirs[inner]).mean() < 1.0


def test_rows_and_columns_change_places():
    whole, corner = (render(picture_of(), SMALL, View(transposed=t)) for t in (False, True))
    np.testing.assert_array_equal(corner, whole.transpose(1, 0, 2))


def test_fine_patterns_do_not_become_false_ones():
    """Black and white pixels in turn are gray when seen from afar, also when turned."""
    board = np.indices((600, 600)).sum(axis=0) % 2 * 255
    picture = of_array(np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8))
    for view in (View(angle=20), View(lens=0.2), View(part=Part(0.9, 1, 0.5, 0.5))):
        assert render(picture, SMALL, view)[8:-8, 8:-8].std() < 3


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0.6, 1.3])
def test_colours_are_torchvisions(name, factor):
    picture = picture_of(low=60, high=180)  # far from black and white: nothing is cut off
    plain = Image.fromarray(SMALL.pixels(picture))
    theirs = np.asarray(getattr(vision, f"adjust_{name}")(plain, factor)).astype(int)
    ours = render(picture, SMALL, View(**{name: factor}))
    assert np.abs(ours - theirs).max() <= 2


def test_hue_is_a_turn_in_yiq():
    picture, share = picture_of(low=60, high=180), 0.1
    plain, ours = (render(picture, SMALL, View(hue=hue)) for hue in (0, share))
    turn = np.exp(2j * np.pi * share)
    for y, x in ((0, 0), (20, 40), (63, 5)):
        luma, i, q = colorsys.rgb_to_yiq(*plain[y, x] / 255)
        turned = complex(i, q) * turn
        wanted = 255 * np.array(colorsys.yiq_to_rgb(luma, turned.real, turned.imag))
        assert ours[y, x] == pytest.approx(wanted, abs=1.5)


@pytest.mark.parametrize(
    ("name", "strength", "theirs"),
    [
        ("sharpness", -0.5, lambda image: vision.adjust_sharpness(image, 0.5)),
        ("posterize", 5.0, lambda image: vision.posterize(image, 3)),
        ("solarize", 155.0, lambda image: vision.solarize(image, 100)),
        ("autocontrast", 0.0, vision.autocontrast),
        ("equalize", 0.0, vision.equalize),
    ],
)
def test_operations_are_pillows(name, strength, theirs):
    grain = np.random.default_rng(1).integers(40, 200, (72, 72, 3), dtype=np.uint8)
    picture = of_array(grain)
    plain = Image.fromarray(SMALL.pixels(picture))
    wanted = np.asarray(theirs(plain)).astype(int)
    assert np.abs(wanted - np.asarray(plain)).max() > 5
    ours = render(picture, SMALL, View(operation=(name, strength)))
    assert np.abs(ours - wanted).max() <= 2


def test_blur_is_scipys():
    from scipy.ndimage import gaussian_filter

    picture = picture_of()
    wanted = gaussian_filter(SMALL.pixels(picture).astype(float), (1.5, 1.5, 0), mode="mirror")
    assert np.abs(render(picture, SMALL, View(blur=1.5)) - wanted).max() <= 1


def test_what_is_erased_is_what_the_network_expects_on_average():
    pixels = render(picture_of(), SMALL, View(erased=Part(0.25, 1.0, 0.0, 1.0)))
    assert (pixels[32:, :32] == SMALL.mean).all()
    assert np.array_equal(pixels[:, 32:], SMALL.pixels(picture_of())[:, 32:])
