import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from headstart.datasets.duplicates import find_duplicates
from headstart.datasets.facts import Facts
from headstart.images.perceptual_hash import hash_and_thumbnail


def photograph(number: int, side: int = 200) -> Image.Image:
    """Smooth patches of light: no two alike."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    return coarse.resize((side, side), Image.Resampling.BICUBIC)


def facts_of(pictures: list[Image.Image], digests: list[bytes] | None = None) -> Facts:
    number = len(pictures)
    found = [hash_and_thumbnail(picture) for picture in pictures]
    return Facts(
        digests=tuple(digests or [bytes([k]) for k in range(number)]),
        widths=np.full(number, 9),
        heights=np.full(number, 9),
        formats=("JPEG",) * number,
        modes=("RGB",) * number,
        flags=(frozenset(),) * number,
        hashes=np.array([value for value, _ in found], dtype=np.uint64),
        thumbnails=np.stack([np.frombuffer(small, np.uint8) for _, small in found]),
    )


def compressed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=40)
    return Image.open(file).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "compressed": compressed,
    "smaller": lambda picture: picture.resize((90, 90), Image.Resampling.LANCZOS),
    "stretched": lambda picture: picture.resize((220, 200)),
    "brighter": lambda picture: picture.point(lambda value: min(255, value + 12)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("others", [3, 60])
def test_a_changed_copy_is_found_and_nothing_else(change: str, others: int) -> None:
    pictures = [photograph(k) for k in range(others)]
    pictures.append(CHANGES[change](pictures[1]))
    assert find_duplicates(facts_of(pictures)).near.tolist() == [[1, others]]


def test_what_all_pictures_share_is_no_evidence() -> None:
    """The same frame and bars around other contents: one layout, and yet no copies."""
    frame = np.asarray(photograph(0), dtype=np.float64)
    random = np.random.default_rng(1)
    pictures = []
    for _ in range(80):
        coarse = random.normal(0, 6, (10, 10, 1)).repeat(20, axis=0).repeat(20, axis=1)
        pictures.append(Image.fromarray(np.clip(frame + coarse, 0, 255).astype(np.uint8)))
    pictures.append(compressed(pictures[5]))
    facts = facts_of(pictures)
    assert find_duplicates(facts).near.tolist() == [[5, 80]]


def test_the_same_bytes_are_exact_not_near() -> None:
    picture = photograph(0)
    facts = facts_of([picture, photograph(1), picture, picture], [b"a", b"b", b"a", b"a"])
    found = find_duplicates(facts)
    assert found.exact.tolist() == [[0, 2], [0, 3]]
    assert found.near.tolist() == []
    assert len(found.pairs) == 2


def test_no_pictures_have_no_copies() -> None:
    assert find_duplicates(facts_of([photograph(0)])).pairs.shape == (0, 2)
