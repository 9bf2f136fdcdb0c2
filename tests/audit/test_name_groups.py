"""Groups that names hold: only where pictures with the same beginning look alike."""

import re

import numpy as np
import pytest

from headstart.audit.name_groups import NameGroups, name_groups

NUM, EACH = 30, 4  # groups, pictures of each


def alike_in_groups(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of 30 groups of four, and two classes; pictures of a group share a centre."""
    random = np.random.default_rng(0)
    centres = strength * random.normal(size=(NUM, 16)).repeat(EACH, axis=0)
    y = (np.arange(NUM) % 2).repeat(EACH)
    return centres + random.normal(size=(NUM * EACH, 16)), y


def found(names: list[str], strength: float = 5.0) -> NameGroups | None:
    features, y = alike_in_groups(strength)
    order = np.random.default_rng(1).permutation(len(y))
    named = [names[row] for row in order]
    return name_groups(named, features[order], y[order], np.arange(len(y)))


SHAPES = {
    "roboflow": lambda group, k: f"train/img{group}_jpg.rf.{37 * k + group:x}aa.jpg",
    "patient": lambda group, k: f"p{group}s{k}.png",
    "suffix": lambda group, k: f"cats/tom-{'abcdefghijklmnopqrstuvwxyzABCD'[group]}_v{k}.jpg",
    "folder": lambda group, k: f"cats/visit{group}/{k}{group}.jpg",
    "date": lambda group, k: f"IMG_202001{group:02}_12{k}0.jpg",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_groups_are_found_by_their_names(shape: str) -> None:
    names = [SHAPES[shape](group, k) for group in range(NUM) for k in range(EACH)]
    groups = found(names)
    assert groups is not None
    assert groups.share > 0.9
    assert groups.is_certain
    assert groups.chance == pytest.approx((EACH - 1) / (NUM * EACH / 2 - 1))
    search = re.compile(groups.pattern).search
    assert [(search(name) or [""])[1] for name in names[::EACH]] == [
        (search(name) or [""])[1] for name in names[1::EACH]
    ]


def test_large_groups_may_be_kinds_of_a_class() -> None:
    random = np.random.default_rng(0)
    y = np.arange(2).repeat(400)
    kind = np.arange(800) // 25
    features = 5 * random.normal(size=(32, 16))[kind] + random.normal(size=(800, 16))
    names = [f"{k:02}-kind_{number}x.jpg" for number, k in enumerate(kind)]
    found = name_groups(names, features, y, np.arange(800))
    assert found is not None
    assert (found.share > 0.9, found.size, found.is_certain) == (True, 25.0, False)


def test_names_that_say_nothing_of_the_pictures_are_no_groups() -> None:
    names = [SHAPES["patient"](group, k) for group in range(NUM) for k in range(EACH)]
    assert found(names, strength=0.0) is None
    mixed = np.random.default_rng(2).permutation(names).tolist()
    assert found(mixed) is None


def test_pictures_that_stand_side_by_side() -> None:
    numbered = [f"frame{number}.jpg" for number in range(NUM * EACH)]
    groups = found(numbered)
    assert groups is not None
    assert (groups.pattern, groups.share > 0.9, groups.chance) == ("", True, 10 / 59)
    assert found([f"frame{number % 7}{number:03}.jpg" for number in range(NUM * EACH)]) is None


def test_copies_that_are_known_are_no_evidence() -> None:
    features, y = alike_in_groups(5.0)
    names = [SHAPES["patient"](group, k) for group in range(NUM) for k in range(EACH)]
    assert name_groups(names, features, y, np.arange(NUM).repeat(EACH)) is None


def test_few_pictures_say_nothing() -> None:
    features, y = alike_in_groups(5.0)
    names = [SHAPES["patient"](group, k) for group in range(NUM) for k in range(EACH)]
    assert name_groups(names[:16], features[:16], y[:16], np.arange(16)) is None
