import io
import itertools

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import pytest
import scipy.fft
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from headstart.images.perceptual_hash import (
    hash_and_thumbnail,
    perceptual_hash,
    thumbnail_hashes,
)


def _photo(seed: int, width: int = 400, height: int = 300) -> PIL.Image.Image:
    """Random clouds: mostly low frequencies, a little grain."""
    generator = np.random.default_rng(seed)
    spectrum = generator.normal(size=(24, 24, 3)) / (1 + np.hypot(*np.mgrid[:24, :24]))[..., None]
    clouds = scipy.fft.idctn(spectrum, axes=(0, 1), s=(height, width), norm=None)
    clouds = 128 + 90 * clouds / np.abs(clouds).max()
    grainy = clouds + generator.normal(scale=3, size=clouds.shape)
    return PIL.Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))


def _saved_again(image: PIL.Image.Image, quality: int) -> PIL.Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return PIL.Image.open(buffer).convert("RGB")


def _distance(first: PIL.Image.Image, second: PIL.Image.Image) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


PHOTOS = [_photo(seed) for seed in range(20)]


@pytest.mark.parametrize(
    "change",
    [
        lambda image: _saved_again(image, 40),
        lambda image: image.resize((150, 112)),
        lambda image: image.resize((1000, 750)),
        lambda image: PIL.ImageEnhance.Brightness(image).enhance(1.1),
        lambda image: _saved_again(image.resize((213, 160)), 75),
    ],
    ids=["quality 40", "smaller", "larger", "brighter", "smaller and quality 75"],
)
def test_stays_near_when_the_picture_stays_the_same(change) -> None:
    distances = sorted(_distance(image, change(image)) for image in PHOTOS)
    assert distances[len(distances) * 9 // 10] <= 4


def test_different_photos_are_far_apart() -> None:
    distances = [_distance(*pair) for pair in itertools.combinations(PHOTOS, 2)]
    assert min(distances) > 10


def test_is_the_textbook_formula() -> None:
    # Small enough that nothing is averaged before: then every number is scipy's.
    image = _photo(3, 32, 32)
    low = scipy.fft.dctn(np.asarray(image.convert("L"), dtype=float), norm=None)[:8, :8]
    bits = "".join("1" if value > np.median(low) else "0" for value in low.flat)
    assert perceptual_hash(image) == int(bits, 2)


@pytest.mark.parametrize("gray", [1, 77, 128, 255])
def test_flat_pictures_share_one_hash(gray: int) -> None:
    flat = PIL.Image.new("RGB", (50, 40), (gray, gray, gray))
    assert perceptual_hash(flat) == 1 << 63


def _groups(pairs: np.ndarray, count: int) -> list[int]:
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(links, directed=False)[1].tolist()


def _all_pairs(hashes: list[int], distance: int) -> np.ndarray:
    pairs = itertools.combinations(range(len(hashes)), 2)
    near = [(i, j) for i, j in pairs if (hashes[i] ^ hashes[j]).bit_count() <= distance]
    return np.array(near, dtype=np.int64).reshape(-1, 2)


# Near each other, so that there are pairs: few hashes, and some bits of each turned.
_HASHES = st.lists(
    st.builds(
        lambda start, turned: start ^ sum(1 << bit for bit in turned),
        st.sampled_from([0, 2**64 - 1, 0x0F0F_3333_5555_AAAA]),
        st.sets(st.integers(0, 63), max_size=5),
    ),
    max_size=40,
)


def test_the_hash_of_a_thumbnail_is_nearly_the_picture_s() -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        coarse = PIL.Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        picture = coarse.resize((300, 200), PIL.Image.Resampling.BICUBIC)
        own, thumbnail = hash_and_thumbnail(picture)
        (again,) = thumbnail_hashes(np.frombuffer(thumbnail, np.uint8)[None])
        assert (own ^ int(again)).bit_count() <= 4
