from collections.abc import Callable
from pathlib import Path

import pytest

from headstart.datasets.reading import ReadOptions, place_of, read
from headstart.errors import DatasetError, HeadstartError, NotEnoughData, SettingError

Tree = Callable[..., Path]
Many = Callable[[str, int], list[str]]

PETS = ["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg", "dogs/2.jpg"]


@pytest.mark.parametrize(
    ("names", "kind", "what"),
    [
        ([], DatasetError, "no pictures in"),
        (["notes.txt", "cats/"], DatasetError, "no pictures in .*, only: 1 .txt"),
        (["cats/1.jpg"], NotEnoughData, r"only one class: cats \(1 picture\)"),
        (["train/cats/1.jpg", "test/cats/2.jpg"], NotEnoughData, r"only one class: cats \(2 pic"),
        (["1.jpg", "2.jpg"], DatasetError, "the names do not tell"),
    ],
)
def test_folders_without_two_classes(
    tree: Tree, names: list[str], kind: type[HeadstartError], what: str
) -> None:
    with pytest.raises(kind, match=what) as caught:
        read(tree(names))
    assert caught.value.expected
    assert caught.value.fix


def test_sources_that_are_no_dataset(tree: Tree) -> None:
    root = tree(["cats/1.jpg", "pets.zip"])
    with pytest.raises(DatasetError, match=r"1.jpg is a picture(.|\n)*give its folder: .*cats"):
        read(root / "cats" / "1.jpg")
    with pytest.raises(DatasetError, match="neither a folder nor a table"):
        read(root / "pets.zip")
    with pytest.raises(DatasetError, match="there is no"):
        read(root / "nothing")


def test_a_source_may_be_text(tree: Tree) -> None:
    assert len(read(str(tree(PETS)))) == 4


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (ReadOptions(label_column="label"), "--label-column has no effect.*folder per class"),
        (ReadOptions(images=Path()), "--images has no effect"),
        (ReadOptions(merge=(("cat", "dogs"),)), "no class 'cat'(.|\n)*did you mean 'cats'"),
        (ReadOptions(merge=(("cats", "cats"),)), "they are the same"),
        (ReadOptions(group_pattern="(zebra)"), "finds no group"),
        (ReadOptions(group_pattern="cats"), "no group in brackets"),
    ],
)
def test_settings_without_effect_are_refused(tree: Tree, options: ReadOptions, what: str) -> None:
    with pytest.raises(SettingError, match=what):
        read(tree(PETS), options)


def test_settings_without_effect_on_a_table_are_refused(tree: Tree) -> None:
    path = tree(PETS, t__csv="cats/1.jpg,a,x\ndogs/1.jpg,b,x\n") / "t.csv"
    with pytest.raises(SettingError, match="--label-pattern has no effect"):
        read(path, ReadOptions(label_column="2", label_pattern="(.)"))
    with pytest.raises(SettingError, match="both give groups"):
        read(path, ReadOptions(label_column="2", group_column="3", group_pattern="(.)"))


def test_merge_in_order(tree: Tree) -> None:
    root = tree(["a/1.jpg", "b/1.jpg", "c/1.jpg"])
    found = read(root, ReadOptions(merge=(("a", "b"), ("b", "letters"))))
    assert found.counts == {"c": 1, "letters": 2}


def test_merge_comes_before_train_and_test_are_compared(tree: Tree) -> None:
    root = tree(["train/cats/1.jpg", "train/dogs/1.jpg", "test/kitty/1.jpg", "test/dogs/1.jpg"])
    found = read(root, ReadOptions(merge=(("kitty", "cats"),)))
    assert found.counts == {"cats": 2, "dogs": 2}


def test_outer_spaces_are_no_part_of_class_names_however_they_are_given(tree: Tree) -> None:
    found = read(tree([*PETS, "dogs /3.jpg", " /x.jpg", "owls /"]))
    assert found.counts == {"cats": 2, "dogs": 3}
    assert found.declared == ("cats", "dogs", "owls")
    assert "outer spaces are no part of a class name: ' ', 'dogs ', 'owls '" in found.notes
    assert [(row.path, row.reason) for row in found.unusable] == [(" /x.jpg", "no_label")]
    pattern = read(tree(["a 1.jpg", "b 1.jpg"], "named"), ReadOptions(label_pattern=r"^(.+)\d"))
    assert pattern.labels == ("a", "b")
    assert not [note for note in read(tree(PETS, "plain")).notes if "spaces" in note]
    new = read(tree(PETS, "plain"), ReadOptions(merge=(("dogs ", " pups "),)))
    assert set(new.labels) == {"cats", "pups"}


def test_groups_by_pattern(tree: Tree) -> None:
    root = tree(["cats/tom_1.jpg", "cats/tom_2.jpg", "dogs/rex_1.jpg", "dogs/1.jpg"])
    found = read(root, ReadOptions(group_pattern=r"/([a-z]+)_\d"))
    assert dict(zip(found.ids, found.groups, strict=True)) == {
        "cats/tom_1.jpg": "tom",
        "cats/tom_2.jpg": "tom",
        "dogs/1.jpg": "",
        "dogs/rex_1.jpg": "rex",
    }


def test_near_equal_classes_are_noted_not_merged(tree: Tree) -> None:
    found = read(tree(["tulip/1.jpg", "tulips/1.jpg", "rose/1.jpg"]))
    assert len(found.class_names) == 3
    assert "'tulip' and 'tulips' are two classes: if they are one, say --merge tulips=tulip" in (
        found.notes
    )


def test_a_separate_test_folder(tree: Tree, tmp_path: Path) -> None:
    pets, judged = tree([*PETS, "notes.txt"]), tree(["Dogs/9.jpg", "x.txt"], root="judged")
    found = read(pets, ReadOptions(test=judged))
    assert found.root == tmp_path
    assert found.ids[:2] == ("judged/Dogs/9.jpg", "pets/cats/1.jpg")
    assert found.splits == ("test", *["train"] * 4)
    assert found.labels[0] == "dogs"
    assert dict(found.skipped) == {".txt": 2}
    assert all(path.is_file() for path in found.paths)


def test_a_separate_flat_test_folder(tree: Tree) -> None:
    judged = tree(["cats_7.jpg", "cow_1.jpg"], root="judged")
    found = read(tree(PETS), ReadOptions(test=judged))
    assert found.splits.count("test") == 1
    assert [(row.path, row.reason) for row in found.unusable] == [("judged/cow_1.jpg", "no_label")]


def test_a_test_folder_beside_the_training_folder(tree: Tree) -> None:
    names = [f"{part}/{c}/1.jpg" for part in ("train", "old_test") for c in ("cats", "dogs")]
    root = tree(names)
    assert {row.reason for row in read(root).unusable} == {"left_out"}
    found = read(root, ReadOptions(test=root / "old_test"))
    assert found.splits == ("test", "test", "train", "train")
    assert found.unusable == ()
    assert not any("left out" in note for note in found.notes)


def test_a_separate_test_table(tree: Tree) -> None:
    root = tree(["1.jpg", "2.jpg", "3.jpg", "4.jpg"], a__csv="1.jpg,x\n2.jpg,y\n3.jpg,x\n")
    (root / "b.csv").write_text("3.jpg,x\n")
    found = read(root / "a.csv", ReadOptions(test=root / "b.csv"))
    assert dict(zip(found.ids, found.splits, strict=True)) == {
        "1.jpg": "train",
        "2.jpg": "train",
        "3.jpg": "test",
    }
    assert [(row.path, row.reason) for row in found.unusable] == [("4.jpg", "no_row")]
    assert "1 picture of --test left out of training" in found.notes


def test_two_test_splits_are_refused(tree: Tree) -> None:
    names = [f"{split}/{name}" for split in ("train", "test") for name in PETS]
    root, judged = tree(names), tree(PETS, root="judged")
    with pytest.raises(SettingError, match="test split of its own"):
        read(root, ReadOptions(test=judged))
    with pytest.raises(SettingError, match="splits of its own"):
        read(judged, ReadOptions(test=root))


def test_a_test_that_is_the_training_leaves_nothing_to_learn_from(tree: Tree) -> None:
    pets = tree(PETS)
    with pytest.raises(SettingError, match="none is left to learn from"):
        read(pets, ReadOptions(test=pets))


KNOWN = ("cats", "dogs", "train")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["Dogs/1.jpg"], ["Dogs"]),
        (["dogs/old/1.jpg"], ["dogs"]),
        (["dogs/old/1.jpg", "dogs/new/1.jpg"], ["dogs", "dogs"]),
        (["train/day/1.jpg", "train/night/1.jpg"], ["train", "train"]),
        (["pets/dogs/1.jpg"], ["dogs"]),
        (["cats_7.jpg"], ["cats"]),
        (["7.jpg", "Cats (1).jpg", "dogs.jpg"], ["Cats", "dogs"]),
        (["pictures/cats_7.jpg", "pictures/dogs_7.jpg"], ["cats", "dogs"]),
        (["cows/1.jpg"], ["cows"]),
        (["test/cats/1.jpg", "val/dogs/1.jpg"], ["cats", "dogs"]),
        (["train/cats/1.jpg", "train/dogs/1.jpg", "test/Dogs/1.jpg"], ["Dogs", "cats", "dogs"]),
    ],
)
def test_with_known_classes_anything_labelled_can_judge(
    tree: Tree, names: list[str], labels: list[str]
) -> None:
    assert list(read(tree(names), known=KNOWN).labels) == labels


def test_with_known_classes_a_table_may_hold_out_every_row(tree: Tree) -> None:
    root = tree(PETS, t__csv="file,label,split\ncats/1.jpg,cats,test\ncats/2.jpg,cats,test\n")
    found = read(root / "t.csv", known=KNOWN)
    assert (found.splits, found.labels) == (("test", "test"), ("cats", "cats"))


def test_with_known_classes_what_is_merged_is_still_found_in_names(tree: Tree) -> None:
    found = read(tree(["kitty_1.jpg"]), ReadOptions(merge=(("kitty", "cats"),)), known=KNOWN)
    assert found.labels == ("cats",)


def test_classes_that_differ_in_case_stay_apart(tree: Tree) -> None:
    names = [f"{split}/{c}/{c}.jpg" for split in ("train", "test") for c in ("A", "a")]
    found = read(tree(names))
    assert found.counts == {"A": 2, "a": 2}
    assert not any("in test is" in note for note in found.notes)


def test_only_held_out_rows(tree: Tree) -> None:
    path = tree(PETS, t__csv="cats/1.jpg,a,test\ndogs/1.jpg,b,val\n") / "t.csv"
    with pytest.raises(DatasetError, match="no pictures to learn from"):
        read(path)


@pytest.mark.parametrize(
    ("name", "layout", "pictures", "classes"),
    [
        ("brain-tumor", "split folders", 1394, 4),
        ("cats-dogs", "split folders", 2000, 2),
        ("flowers5", "split folders", 900, 5),
        ("hymenoptera", "split folders", 398, 2),
        ("weather4", "table", 1118, 4),
    ],
)
def test_real_sets(data: Path, name: str, layout: str, pictures: int, classes: int) -> None:
    found = read(data / name)
    assert (found.layout, len(found), len(found.class_names)) == (layout, pictures, classes)


def test_real_set_that_needs_a_pattern(data: Path) -> None:
    with pytest.raises(DatasetError, match="the names do not tell"):
        read(data / "imagenet-1perclass")
    found = read(data / "imagenet-1perclass", ReadOptions(label_pattern=r"^n\d+_(.+)\."))
    assert len(found) == 1000


def test_a_pattern_without_a_group_is_suggested_in_brackets(tree: Tree) -> None:
    with pytest.raises(SettingError, match="no group in brackets") as caught:
        read(tree(PETS), ReadOptions(group_pattern=r"patient\d+"))
    assert r"group_pattern 'patient\d+' has" in caught.value.what
    assert caught.value.fix == r"--group-pattern '(patient\d+)'"


def test_the_split_where_a_name_is_spelled_otherwise_is_named(tree: Tree) -> None:
    names = [f"{split}/1.jpg" for split in ("Train/Cat", "Train/dog", "Valid/cat", "Valid/dog")]
    assert "'cat' in validation is 'Cat' in train" in read(tree(names)).notes


def test_merging_into_a_class_that_is_not_there_is_noted(tree: Tree) -> None:
    root = tree([*PETS, "kittens/1.jpg"])
    found = read(root, ReadOptions(merge=(("kittens", "cat"),)))
    assert "merged 'kittens' into 'cat', which is a new class; there is 'cats'" in found.notes
    found = read(root, ReadOptions(merge=(("kittens", "cats"),)))
    assert not any("new class" in note for note in found.notes)


def test_what_is_no_path_is_refused_with_what_to_do() -> None:
    with pytest.raises(DatasetError, match=r"type dict(.|\n)*to_csv"):
        place_of({"image": ["1.jpg"]})  # type: ignore[arg-type]


def test_classes_that_are_named_like_splits_need_a_pattern(tree: Tree) -> None:
    root = tree(
        [f"test_{kind}/{number}.jpg" for kind in ("positive", "negative") for number in "12"]
    )
    with pytest.raises(DatasetError, match="no train folder") as raised:
        read(root)
    pattern = "^([^/]+)/"
    assert f"--label-pattern '{pattern}'" in raised.value.fix
    assert read(root, ReadOptions(label_pattern=pattern)).counts == {
        "test_negative": 2,
        "test_positive": 2,
    }
