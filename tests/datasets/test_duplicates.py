import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from headstart.datasets.duplicates import Duplicates, find_duplicates
from headstart.datasets.facts import Facts
from headstart.datasets.groups import union
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
        qualities=np.zeros(number, np.int64),
    )


def copies_of(facts: Facts) -> Duplicates:
    """Among pictures of one class."""
    return find_duplicates(facts.prints, np.zeros(len(facts.digests), np.int64))


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
    assert copies_of(facts_of(pictures)).near.tolist() == [[1, others]]


@pytest.mark.parametrize("turn", Image.Transpose, ids=lambda turn: turn.name.lower())
@pytest.mark.parametrize("others", [3, 60])
def test_a_mirrored_or_turned_copy_is_found_and_nothing_else(
    turn: Image.Transpose, others: int
) -> None:
    pictures = [photograph(k) for k in range(others)]
    pictures.append(compressed(pictures[1].transpose(turn)))
    found = copies_of(facts_of(pictures))
    assert (found.near.tolist(), found.turned.tolist()) == ([], [[1, others]])
    assert found.pairs.tolist() == [[1, others]]


def test_a_mirrored_picture_of_another_class_is_another_picture() -> None:
    pictures = [photograph(0), photograph(1), ImageOps.mirror(photograph(0))]
    assert find_duplicates(facts_of(pictures).prints, np.array([0, 0, 1])).turned.tolist() == []
    assert find_duplicates(facts_of(pictures).prints, np.array([1, 0, 1])).turned.tolist() == [
        [0, 2]
    ]


def test_a_copy_of_a_picture_that_is_its_own_mirror_image_is_near_not_turned() -> None:
    half = photograph(0)
    own = Image.blend(half, ImageOps.mirror(half), 0.5)
    found = copies_of(facts_of([own, photograph(1), CHANGES["brighter"](own)]))
    assert (found.near.tolist(), found.turned.tolist()) == ([[0, 2]], [])


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
    assert copies_of(facts).near.tolist() == [[5, 80]]


def of_patterns(patterns: np.ndarray, hashes: list[int]) -> Facts:
    number = len(patterns)
    return Facts(
        digests=tuple(k.to_bytes(4, "big") for k in range(number)),
        widths=np.full(number, 9),
        heights=np.full(number, 9),
        formats=("JPEG",) * number,
        modes=("RGB",) * number,
        flags=(frozenset(),) * number,
        hashes=np.array(hashes, dtype=np.uint64),
        thumbnails=patterns.astype(np.uint8),
        qualities=np.zeros(number, np.int64),
    )


def test_an_unlike_picture_with_the_same_hash_hides_no_copies() -> None:
    random = np.random.default_rng(0)
    unlike, copied = random.integers(0, 256, (2, 256))
    facts = of_patterns(np.stack([unlike, copied, copied]), [7, 7, 7])
    assert copies_of(facts).near.tolist() == [[1, 2]]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 3)), min_size=2, max_size=25),
    st.lists(st.tuples(st.integers(0, 24), st.lists(st.integers(0, 63), max_size=5)), max_size=25),
)
def test_the_same_rows_are_connected_as_by_comparing_all(
    drawn: list[tuple[int, int]], flipped: list[tuple[int, list[int]]]
) -> None:
    rows = list(drawn)
    for place, bits in flipped:
        value, pattern = drawn[place % len(drawn)]
        for bit in bits:
            value ^= 1 << bit
        rows.append((value, pattern))
    patterns = np.random.default_rng(1).integers(0, 256, (4, 256))
    facts = of_patterns(patterns[[p for _, p in rows]], [value for value, _ in rows])
    slow = [
        (i, j)
        for j in range(len(rows))
        for i in range(j)
        if rows[i][1] == rows[j][1] and (rows[i][0] ^ rows[j][0]).bit_count() <= 4
    ]
    expected = union(len(rows), np.array(slow, dtype=np.int64).reshape(-1, 2))
    found = union(len(rows), copies_of(facts).near)
    assert np.array_equal(found, expected)


def test_many_look_alikes_take_neither_memory_nor_minutes() -> None:
    random = np.random.default_rng(0)
    patterns = np.tile(random.integers(0, 256, 256), (2500, 1))
    hashes = [1 << int(bit) for bit in random.integers(0, 64, 2500)]
    found = copies_of(of_patterns(patterns, hashes))
    assert len(np.unique(union(2500, found.near))) == 1
    assert len(found.near) < 25_000


def test_the_same_bytes_are_exact_not_near() -> None:
    picture = photograph(0)
    facts = facts_of([picture, photograph(1), picture, picture], [b"a", b"b", b"a", b"a"])
    found = copies_of(facts)
    assert found.exact.tolist() == [[0, 2], [0, 3]]
    assert found.near.tolist() == []
    assert len(found.pairs) == 2


def test_no_pictures_have_no_copies() -> None:
    assert copies_of(facts_of([photograph(0)])).pairs.shape == (0, 2)
