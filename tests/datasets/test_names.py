from collections.abc import Callable
from pathlib import Path

import pytest

from headstart.datasets.names import labels_in_names
from headstart.datasets.reading import ReadOptions, read
from headstart.errors import DatasetError, SettingError

Tree = Callable[..., Path]
Many = Callable[[str, int], list[str]]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat.1.jpg", "cat.22.jpg", "dog.1.jpg", "dog.2.jpg"], {"cat", "dog"}),
        (["cloudy1.jpg", "cloudy2.jpg", "rain1.jpg", "rain2.jpeg"], {"cloudy", "rain"}),
        (["rolled-in_scale_1.jpg", "rolled-in_scale_2.jpg", "pit_1.jpg", "pit_2.jpg"], None),
        (["dog (1).png", "dog (2).png", "cat (1).png", "cat (2).png"], {"cat", "dog"}),
        # The number of a name's own is not taken off; a second number of the picture's is.
        (["covid-19_1.png", "covid-19_2.png", "well_1.png", "well_2.png"], {"covid-19", "well"}),
        (["cat_1_1.jpg", "cat_1_2.jpg", "cat_2_1.jpg", "dog_1_1.jpg", "dog_1_2.jpg"], None),
        (["Beagle_1.jpg", "Beagle_2.jpg", "pug_1.jpg", "pug_2.jpg", "pug.jpg"], {"Beagle", "pug"}),
        # Nothing is guessed:
        (["IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg"], set()),
        (["1.jpg", "2.jpg", "3.jpg"], set()),
        (["p01_1.jpg", "p01_2.jpg", "p02_1.jpg", "p02_2.jpg"], set()),
        (["2019_01.jpg", "2019_02.jpg", "2020_01.jpg", "2020_02.jpg"], set()),
        (["n01_tench.jpg", "n02_goldfish.jpg"], set()),
        (["tench1.jpg", "shark1.jpg", "ray1.jpg", "ray2.jpg"], set()),
        ([], set()),
    ],
)
def test_labels_in_names(names: list[str], labels: set[str] | None) -> None:
    expected = {"rolled-in_scale", "pit"} if "pit_1.jpg" in names else {"cat", "dog"}
    assert set(labels_in_names(names).values()) == (expected if labels is None else labels)


def test_flat_files(tree: Tree, many: Many) -> None:
    found = read(tree([*many("cat.%d.jpg", 3), *many("dog.%d.jpg", 2), "screenshot.png"]))
    assert found.layout == "file names"
    assert found.counts == {"cat": 3, "dog": 2}
    assert [(row.path, row.reason) for row in found.unusable] == [("screenshot.png", "no_label")]


def test_flat_files_in_split_folders(tree: Tree, many: Many) -> None:
    names = [*many("train/cat.%d.jpg", 3), *many("train/dog.%d.jpg", 3)]
    found = read(tree([*names, "test/cat.9.jpg", "test/dog.9.jpg", "test/cow.9.jpg"]))
    assert found.splits.count("train") == 6
    assert found.splits.count("test") == 2
    assert [(row.path, row.reason) for row in found.unusable] == [("test/cow.9.jpg", "no_label")]


def test_flat_files_beside_split_folders_are_listed(tree: Tree, many: Many) -> None:
    names = [f"{s}/{c}.{i}.jpg" for s in ("train", "test") for c in ("cat", "dog") for i in "12"]
    found = read(tree([*names, "cat.77.png"]))
    assert len(found) == 8
    assert [(row.path, row.reason) for row in found.unusable] == [("cat.77.png", "no_label")]
    found = read(found.root, ReadOptions(label_pattern=r"^([a-z]+)\."))
    assert [(row.path, row.reason) for row in found.unusable] == [("cat.77.png", "no_label")]


def test_numbered_test_files_are_left_out(tree: Tree, many: Many) -> None:
    names = [*many("train/cat.%d.jpg", 3), *many("train/dog.%d.jpg", 3), *many("test1/%d.jpg", 4)]
    found = read(tree(names))
    assert set(found.splits) == {"train"}
    assert found.notes == ("test1/ is left out: 4 files without a label",)
    assert [row.reason for row in found.unusable] == ["left_out"] * 4


def test_names_that_do_not_tell_are_refused_with_the_way_out(tree: Tree) -> None:
    root = tree([f"n{number:08}_{number:b}x.jpg" for number in range(40)])
    with pytest.raises(DatasetError, match=r"40 pictures.*do not tell(.|\n)*--label-pattern"):
        read(root)


@pytest.mark.parametrize(
    "pattern", [r"^n\d+_(.+)\.", r"n\d+_(?P<label>[a-z]+)", r"(x)?n\d+_(?P<label>[a-z]+)"]
)
def test_a_pattern_gives_the_label(tree: Tree, pattern: str) -> None:
    root = tree(["n1_tench.jpg", "n2_shark.jpg", "other.jpg"])
    found = read(root, ReadOptions(label_pattern=pattern))
    assert found.labels == ("tench", "shark")
    assert [(row.path, row.reason) for row in found.unusable] == [("other.jpg", "no_label")]


def test_a_pattern_with_a_slash_sees_the_path(tree: Tree) -> None:
    root = tree([f"{a}/{b}/1.jpg" for a in ("day1", "day2") for b in ("cats", "dogs")])
    assert read(root, ReadOptions(label_pattern="([^/]+)/[^/]+$")).class_names == ("cats", "dogs")


@pytest.mark.parametrize(
    ("pattern", "what"),
    [("(", "no regular expression"), (r"\d+", "no group"), ("^(zebra)", "finds no label")],
)
def test_patterns_that_are_wrong_or_idle(tree: Tree, pattern: str, what: str) -> None:
    with pytest.raises(SettingError, match=what):
        read(tree(["cats/1.jpg", "dogs/1.jpg"]), ReadOptions(label_pattern=pattern))
