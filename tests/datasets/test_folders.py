from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from headstart.datasets.manifest import Manifest
from headstart.datasets.reading import read
from headstart.errors import DatasetError

Tree = Callable[..., Path]
Many = Callable[[str, int], list[str]]


def table(manifest: Manifest) -> dict[tuple[str, str], int]:
    """How many pictures there are of each split and label."""
    return dict(Counter(zip(manifest.splits, manifest.labels, strict=True)))


def test_folder_per_class_and_folders_inside_a_class(tree: Tree) -> None:
    found = read(tree(["cats/1.jpg", "cats/2019/may/2.jpg", "dogs/1.jpg", "dogs/b/1.jpg"]))
    assert found.layout == "folder per class"
    assert found.ids == ("cats/1.jpg", "cats/2019/may/2.jpg", "dogs/1.jpg", "dogs/b/1.jpg")
    assert found.labels == ("cats", "cats", "dogs", "dogs")
    assert set(found.splits) == set(found.groups) == {""}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("train", "held_out", "split"),
    [
        ("train", "test", "test"),
        ("Training", "Testing", "test"),
        ("training_set", "test_set", "test"),
        ("seg_train/seg_train", "seg_test/seg_test", "test"),
        ("data/train", "data/valid", "validation"),
        ("train2017", "val2017", "validation"),
        ("TrainImages/all", "TestImages/all", "test"),
    ],
)
def test_split_folders(tree: Tree, train: str, held_out: str, split: str) -> None:
    names = [f"{train}/cats/1.jpg", f"{train}/dogs/1.jpg", f"{train}/dogs/2.jpg"]
    found = read(tree([*names, f"{held_out}/cats/3.jpg", f"{held_out}/dogs/3.jpg"]))
    assert found.layout == "split folders"
    assert table(found) == {
        ("train", "cats"): 1,
        ("train", "dogs"): 2,
        (split, "cats"): 1,
        (split, "dogs"): 1,
    }


def test_a_folder_around_everything_is_entered_and_said(tree: Tree) -> None:
    found = read(tree(["archive/pets/cats/1.jpg", "archive/pets/dogs/1.jpg", "empty/"]))
    assert found.labels == ("cats", "dogs")
    assert found.ids[0] == "archive/pets/cats/1.jpg"
    assert "the pictures are in archive/pets/" in found.notes


def test_split_folders_inside_class_folders(tree: Tree) -> None:
    found = read(
        tree(["cats/train/1.jpg", "cats/test/2.jpg", "dogs/train/1.jpg", "dogs/test/x/2.jpg"])
    )
    assert found.layout == "split folders in class folders"
    assert table(found) == {(s, c): 1 for s in ("train", "test") for c in ("cats", "dogs")}


def test_folders_named_train_may_be_a_class(tree: Tree) -> None:
    assert read(tree(["bus/1.jpg", "car/1.jpg", "train/1.jpg"])).class_names == (
        *("bus", "car", "train"),
    )


def test_a_class_named_train_may_have_folders_inside(tree: Tree) -> None:
    names = [f"{c}/{t}/1.jpg" for c in ("train", "bus", "car") for t in ("day", "night")]
    found = read(tree(names))
    assert found.layout == "folder per class"
    assert found.counts == {"bus": 2, "car": 2, "train": 2}
    assert any("train/ is a class, beside bus, car" in note for note in found.notes)


@pytest.mark.parametrize("beside", [[], ["old_test/cats/9.jpg", "old_test/dogs/9.jpg"]])
def test_a_train_folder_of_classes_alone_is_the_dataset(tree: Tree, beside: list[str]) -> None:
    found = read(tree(["train/cats/1.jpg", "train/dogs/1.jpg", *beside]))
    assert found.class_names == ("cats", "dogs")
    assert len(found) == 2
    assert any("old_test/ is left out: 2 files" in note for note in found.notes) is bool(beside)
    assert [row.path for row in found.unusable] == beside


def test_pictures_beside_split_folders_are_listed(tree: Tree) -> None:
    names = [f"one/{s}/{c}/1.jpg" for s in ("train", "test") for c in ("cats", "dogs")]
    found = read(tree([*names, "one/stray0.png", "one/stray1.png", "one/LICENSE"]))
    assert [(row.path, row.reason) for row in found.unusable] == [
        ("one/stray0.png", "no_label"),
        ("one/stray1.png", "no_label"),
    ]
    assert dict(found.skipped) == {"no extension": 1}
    assert len(found) == 4


def test_a_linked_class_folder_is_named_in_a_note(tree: Tree) -> None:
    root, birds = tree(["cats/1.jpg", "dogs/1.jpg"]), tree(["1.jpg"], root="birds")
    (root / "birds").symlink_to(birds)
    found = read(root)
    assert found.class_names == ("cats", "dogs")
    assert found.notes == ("linked folders are not entered: birds",)
    assert "1 other file skipped (linked folder 1)" in found.summary()


@pytest.mark.parametrize("filled", [("dogs/1.jpg", "dogs/2.jpg"), ()])
def test_where_the_rest_is_linked_the_error_names_it(tree: Tree, filled: tuple[str, ...]) -> None:
    root, birds = tree([*filled, "notes.md"]), tree(["1.jpg"], root="birds")
    (root / "birds").symlink_to(birds)
    with pytest.raises(DatasetError) as raised:
        read(root)
    assert "linked folders are not entered: birds: put the folders" in raised.value.fix


def test_pictures_with_a_strange_extension_beside_class_folders_are_listed(tree: Tree) -> None:
    root = tree(["cats/1.jpg", "dogs/1.jpg"])
    (root / "1.jpg_large").write_bytes(b"\xff\xd8\xff\xe0")
    assert [(row.path, row.reason) for row in read(root).unusable] == [("1.jpg_large", "no_label")]


def test_unlabelled_test_folder_is_left_out_and_counted(tree: Tree, many: Many) -> None:
    found = read(tree(["train/cats/1.jpg", "train/dogs/1.jpg", *many("test1/%d.jpg", 7)]))
    assert set(found.splits) == {"train"}
    assert any("test1/ is left out: 7 files" in note for note in found.notes)
    assert {(row.path[:6], row.reason) for row in found.unusable} == {("test1/", "left_out")}
    assert len(found.unusable) == 7


def test_held_out_classes_take_the_spelling_of_train(tree: Tree) -> None:
    found = read(
        tree(
            [
                *("train/cats/1.jpg", "train/dogs/1.jpg", "train/caf\u00e9/1.jpg"),
                *("test/Cats/2.jpg", "test/dogs/2.jpg", "test/cafe\u0301/2.jpg"),
            ]
        )
    )
    assert found.class_names == ("caf\u00e9", "cats", "dogs")
    assert found.counts == {"caf\u00e9": 2, "cats": 2, "dogs": 2}
    assert "'Cats' in test is 'cats' in train" in found.notes


def test_a_class_in_test_only_is_an_error_that_names_the_nearest(tree: Tree) -> None:
    root = tree(["train/cats/1.jpg", "train/dogs/1.jpg", "test/catz/1.jpg", "test/dogs/1.jpg"])
    with pytest.raises(DatasetError, match=r"'catz'.*\n.*cats, dogs\n.*--merge catz=cats"):
        read(root)


def test_a_class_missing_in_test_is_a_note(tree: Tree) -> None:
    found = read(tree(["train/cats/1.jpg", "train/dogs/1.jpg", "test/dogs/2.jpg"]))
    assert "without pictures to judge by: cats" in found.notes


def test_one_class_in_test_with_folders_inside_stays_that_class(tree: Tree) -> None:
    found = read(tree(["train/cats/1.jpg", "train/dogs/1.jpg", "test/dogs/old/2.jpg"]))
    assert found.labels[found.ids.index("test/dogs/old/2.jpg")] == "dogs"


def test_what_stands_beside_class_folders(tree: Tree) -> None:
    found = read(tree(["cats/1.jpg", "dogs/1.jpg", "stray.jpg", "LICENSE", "cows/", "owls/x/"]))
    assert [(row.path, row.reason) for row in found.unusable] == [("stray.jpg", "no_label")]
    assert dict(found.skipped) == {"no extension": 1}
    assert "no class, because without pictures: cows, owls" in found.notes
    assert found.class_names == ("cats", "dogs")
    assert found.declared == ("cats", "cows", "dogs", "owls")


def test_the_same_folders_in_every_class_are_mentioned(tree: Tree) -> None:
    found = read(tree([f"{a}/{b}/1.jpg" for a in ("day1", "day2") for b in ("cats", "dogs")]))
    assert found.class_names == ("day1", "day2")
    (note,) = [note for note in found.notes if "--label-pattern" in note]
    assert "(cats, dogs)" in note


def test_held_out_folders_without_train(tree: Tree) -> None:
    with pytest.raises(DatasetError, match="no train folder"):
        read(tree([f"{s}/{c}/1.jpg" for s in ("test", "val") for c in ("cats", "dogs")]))


def test_two_sets_of_split_folders(tree: Tree) -> None:
    names = [f"{k}_{s}/{c}/1.jpg" for k in "ab" for s in ("train", "test") for c in "xy"]
    with pytest.raises(DatasetError, match="several sets of split folders"):
        read(tree(names))


def test_class_folders_of_only_folders_are_noted(tree: Tree) -> None:
    found = read(tree(["a/daisy/1.jpg", "a/rose/1.jpg", "b/tulip/1.jpg", "b/dandelion/1.jpg"]))
    (note,) = found.notes
    assert note.startswith("class folders a, b hold only folders: a/daisy, a/rose, b/dandelion, ")
    assert read(tree(["a/x/1.jpg", "b/y/1.jpg"], root="one_each")).notes == ()
