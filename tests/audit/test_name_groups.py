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
    named = [(search(name) or [""])[1] for name in names]
    assert named[::EACH] == named[1::EACH] == named[EACH - 1 :: EACH]
    assert len(set(named)) == NUM


def test_large_groups_may_be_kinds_of_a_class() -> None:
    random = np.random.default_rng(0)
    y = np.arange(2).repeat(400)
    kind = np.arange(800) // 25
    features = 5 * random.normal(size=(32, 16))[kind] + random.normal(size=(800, 16))
    names = [f"{k:02}-kind_{number}x.jpg" for number, k in enumerate(kind)]
    found = name_groups(names, features, y, np.arange(800))
    assert found is not None
    assert (found.share > 0.9, found.size, found.is_certain) == (True, 25.0, False)


def test_small_kinds_that_are_not_versions_are_only_told_of() -> None:
    random = np.random.default_rng(0)
    kind = np.arange(400) // 10
    features = random.normal(size=(40, 64))[kind] + random.normal(size=(400, 64))
    names = [f"cats/breed{k}/{number}.jpg" for number, k in enumerate(kind)]
    found = name_groups(names, features, np.arange(400) // 200, np.arange(400))
    assert found is not None
    assert (found.share > 0.8, found.size, found.is_certain) == (True, 10.0, False)


def test_a_handful_of_groups_is_only_told_of() -> None:
    random = np.random.default_rng(0)
    source = np.arange(36) // 6
    features = 5 * random.normal(size=(6, 16))[source] + random.normal(size=(36, 16))
    names = [f"img{s}_v{k % 6}.jpg" for k, s in enumerate(source)]
    found = name_groups(names, features, source // 3, np.arange(36))
    assert found is not None
    assert (found.share, found.is_certain) == (1.0, False)


def test_numbers_that_begin_anew_in_every_folder_join_nothing() -> None:
    """Ten sources in each of four folders, numbered from 0 in each."""
    random = np.random.default_rng(0)
    source = np.arange(160) // 4
    features = 5 * random.normal(size=(40, 16))[source] + random.normal(size=(160, 16))
    parts = ("train/a", "test/a", "train/b", "test/b")
    names = [f"{parts[s // 10]}/{s % 10:03}_{k % 4}.jpg" for k, s in enumerate(source)]
    found = name_groups(names, features, np.array([0, 0, 1, 1]).repeat(40), np.arange(160))
    assert found is not None
    assert found.is_certain
    search = re.compile(found.pattern).search
    assert len({search(name)[1] for name in names}) == 40


def test_versions_that_lie_in_several_folders_are_one_group() -> None:
    """A ready-made split that tore the versions apart."""
    random = np.random.default_rng(0)
    source = np.arange(160) // 4
    features = 5 * random.normal(size=(40, 16))[source] + random.normal(size=(160, 16))
    parts = ("train", "test", "valid", "train")
    names = [f"{parts[k % 4]}/img{s}_v{k % 4}.jpg" for k, s in enumerate(source)]
    found = name_groups(names, features, source % 2, np.arange(160))
    assert found is not None
    assert (found.share > 0.9, found.is_certain) == (True, True)
    search = re.compile(found.pattern).search
    assert len({search(name)[1] for name in names}) == 40


def test_a_few_files_named_otherwise_do_not_decide() -> None:
    features, y = alike_in_groups(5.0)
    names = [SHAPES["patient"](group, k) for group in range(NUM) for k in range(EACH)]
    names[:EACH] = [f"x_jpg.rf.{k}ab.jpg" for k in range(EACH)]
    found = name_groups(names, features, y, np.arange(NUM * EACH))
    assert found is not None
    assert (".rf" in found.pattern, found.is_certain) == (False, True)


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
