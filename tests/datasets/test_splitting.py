import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, train_test_split

from headstart.datasets.reading import read
from headstart.datasets.splitting import assign_splits, folds, random_split, write_split
from headstart.errors import NotEnoughData

Tree = Callable[..., Path]
Rows = npt.NDArray[np.int64]

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=60)


def columns(drawn: list[tuple[int, int]]) -> tuple[Rows, Rows]:
    labels, groups = np.array(drawn, dtype=np.int64).T
    return labels, groups


def alone(labels: list[int]) -> tuple[Rows, Rows]:
    """Every row a group of its own."""
    return np.array(labels), np.arange(len(labels))


@settings(deadline=None)
@given(rows, st.integers(0, 5))
def test_a_drawn_split_keeps_groups_whole_and_classes_in_training(
    drawn: list[tuple[int, int]], seed: int
) -> None:
    labels, groups = columns(drawn)
    try:
        split = assign_splits(labels, groups, [""] * len(labels), seed=seed)
    except NotEnoughData:
        # Only where no group can go without taking the last one of a class.
        for group in set(groups.tolist()):
            inside = set(labels[groups == group].tolist())
            assert any(set(groups[labels == c].tolist()) == {group} for c in inside)
        return
    judges = np.array(split.splits) == "test"
    assert set(split.splits) == {"train", "test"}
    assert not set(groups[judges].tolist()) & set(groups[~judges].tolist())
    assert set(labels[~judges].tolist()) == set(labels.tolist())
    assert set(split.untested_classes) == set(labels.tolist()) - set(labels[judges].tolist())
    assert split == assign_splits(labels, groups, [""] * len(labels), seed=seed)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.floats(0.05, 0.6),
    st.integers(0, 5),
)
def test_single_pictures_give_each_class_its_share(
    sizes: list[int], share: float, seed: int
) -> None:
    assume(max(sizes) > 1)
    labels, groups = alone(np.repeat(np.arange(len(sizes)), sizes).tolist())
    split = assign_splits(labels, groups, [""] * len(labels), seed=seed, test_share=share)
    judged = Counter(labels[np.array(split.splits) == "test"].tolist())
    for label, size in enumerate(sizes):
        if size == 1:
            assert label in split.untested_classes
        else:
            assert 1 <= judged[label] <= size - 1
            assert abs(judged[label] - share * size) <= 0.5 + 1e-9 or judged[label] in (1, size - 1)


def test_grouped_shares_are_near() -> None:
    random = np.random.default_rng(0)
    labels, groups = random.integers(0, 5, 3000), random.integers(0, 900, 3000)
    split = assign_splits(labels, groups, [""] * 3000, seed=1)
    judges = np.array(split.splits) == "test"
    shares = [judges[labels == label].mean() for label in range(5)]
    assert max(abs(share - 0.2) for share in shares) < 0.01


def test_seeds_differ_and_drawing_is_not_by_order() -> None:
    labels, groups = alone([0] * 50 + [1] * 50)
    one, other = (assign_splits(labels, groups, [""] * 100, seed=seed) for seed in (0, 1))
    assert one.splits != other.splits
    judged = [assign_splits(labels, groups, [""] * 100, seed=s).splits[0] for s in range(200)]
    assert 20 <= judged.count("test") <= 60  # the first row, 40 expected


@pytest.mark.parametrize(
    ("given_splits", "expected", "rule"),
    [
        ("T T T T E E", "T T T T E E", "the given test split judges"),
        ("T T V V E E", "T T T T E E", "validation split joins training"),
        ("T T T T V V", "T T T T E E", "the only held-out one"),
        ("_ _ _ _ E E", "T T T T E E", "the given test split judges"),
    ],
)
def test_given_splits(given_splits: str, expected: str, rule: str) -> None:
    words = {"T": "train", "V": "validation", "E": "test", "_": ""}
    labels, groups = alone([0, 1, 0, 1, 0, 0])
    given_words = [words[letter] for letter in given_splits.split()]
    split = assign_splits(labels, groups, given_words, seed=0)
    assert split.splits == tuple(words[letter] for letter in expected.split())
    assert rule in split.rule
    assert split.untested_classes == (1,)


def test_only_a_training_split_is_drawn_from() -> None:
    labels, groups = alone([0, 1] * 10)
    split = assign_splits(labels, groups, ["train"] * 20, seed=0, test_share=0.3)
    assert split.splits.count("test") == 6
    assert split.rule == "30% of each class drawn to judge, seed 0"


def test_what_is_given_to_training_is_not_drawn_to_judge() -> None:
    labels, groups = alone([0, 1] * 20)
    groups[20], groups[22] = groups[0], groups[22]  # a group mate of what is given to training
    split = assign_splits(labels, groups, ["train"] * 20 + [""] * 20, seed=0)
    assert set(split.splits[:21]) == {"train"}
    assert split.splits.count("test") == 4
    assert "20% of each class of the 19 that no split is given for" in split.rule


def test_a_few_without_a_split_are_no_test() -> None:
    labels, groups = alone([0, 1] * 50)
    for blank in (1, 2):
        given_words = ["train"] * (100 - blank) + [""] * blank
        split = assign_splits(labels, groups, given_words, seed=0)
        assert split.splits.count("test") == 20
        assert split.rule == "20% of each class drawn to judge, seed 0"


def test_what_has_no_split_beside_a_given_test_is_said_to_join_training() -> None:
    labels, groups = alone([0, 1] * 3)
    split = assign_splits(labels, groups, ["train"] * 3 + ["", "test", "test"], seed=0)
    assert split.rule.endswith("; 1 without a split joins training")


def test_a_part_that_is_far_more_than_the_share_is_said_to_be() -> None:
    labels, groups = alone(list(range(30)) * 2)
    split = assign_splits(labels, groups, [""] * 60, seed=0, test_share=0.2)
    assert split.splits.count("test") == 30
    assert split.rule == "20% or more of each class (50% in all) drawn to judge, seed 0"


@pytest.mark.parametrize("given_split", ["test", "validation", ""])
def test_nothing_to_learn_from_or_to_judge_by(given_split: str) -> None:
    labels, groups = alone([0, 1, 2])
    with pytest.raises(NotEnoughData):
        assign_splits(labels, groups, [given_split] * 3, seed=0)


@settings(deadline=None)
@given(rows, st.integers(2, 6), st.integers(0, 3))
def test_folds_are_whole_and_full(drawn: list[tuple[int, int]], num_folds: int, seed: int) -> None:
    labels, groups = columns(drawn)
    try:
        found = folds(labels, groups, num_folds=num_folds, seed=seed)
    except NotEnoughData:
        per_class = [len(set(groups[labels == c].tolist())) for c in set(labels.tolist())]
        mixed = len(set(drawn)) > len(set(groups.tolist()))
        few = len(set(groups.tolist())) < 3
        assert few or mixed or len(per_class) < 2 or sorted(per_class)[-2] < 2
        return
    num_groups = len(set(groups.tolist()))
    number = min(num_folds, num_groups)
    if num_folds == 2 and found.max() == 2:
        number = 3  # two would have left one group to learn from
    assert set(found.tolist()) == set(range(number))
    for group in set(groups.tolist()):
        assert len(set(found[groups == group].tolist())) == 1
    for fold in range(number):
        assert len(set(labels[found != fold].tolist())) >= 2
        assert len(set(groups[found != fold].tolist())) >= 2
    assert (found == folds(labels, groups, num_folds=num_folds, seed=seed)).all()


def test_folds_are_as_even_as_those_of_scikit_learn() -> None:
    labels, groups = alone([0] * 53 + [1] * 31 + [2] * 7)
    mine = folds(labels, groups, seed=3)
    theirs = np.empty_like(mine)
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    for fold, (_, held_out) in enumerate(splitter.split(labels, labels)):
        theirs[held_out] = fold
    for label in range(3):
        one, other = (sorted(np.bincount(f[labels == label])) for f in (mine, theirs))
        assert one == other
    assert np.ptp(np.bincount(mine)) <= 1
    assert (mine != folds(labels, groups, seed=4)).any()


def test_too_few_for_folds() -> None:
    with pytest.raises(NotEnoughData, match="one group"):
        folds(np.array([0, 1]), np.array([7, 7]), seed=0)
    with pytest.raises(NotEnoughData, match=r"2 groups(.|\n)*three groups or more(.|\n)*fix:"):
        folds(np.array([0, 1, 0, 1]), np.array([3, 3, 8, 8]), seed=0)
    with pytest.raises(NotEnoughData, match="only one class"):
        folds(np.array([0, 1, 1, 1]), np.arange(4), seed=0)


def test_three_groups_are_three_folds_so_that_two_are_learnt_from() -> None:
    labels, groups = np.array([0, 1] * 6), np.repeat([0, 1, 2], 4)
    for num_folds in (2, 3, 5):
        assert len(set(folds(labels, groups, num_folds=num_folds, seed=0).tolist())) == 3


def test_one_giant_group_is_not_all_there_is_to_learn_from() -> None:
    groups = np.array([0] * 40 + [1, 1, 2, 2, 3, 3])
    found = folds(np.array([0, 1] * 23), groups, num_folds=2, seed=0)
    for fold in set(found.tolist()):
        assert len(set(groups[found != fold].tolist())) >= 2


@pytest.mark.parametrize("number", [2, 10, 101])
def test_a_random_split_is_scikit_learns(number: int) -> None:
    labels = np.arange(number) % 2
    found = random_split(labels, seed=42, test_share=0.2)
    train, test = train_test_split(np.arange(number), test_size=0.2, random_state=42)
    assert [row for row, part in enumerate(found.splits) if part == "test"] == sorted(test)
    assert found.splits.count("train") == len(train)
    assert set(found.untested_classes) == set(labels) - set(labels[test])
    assert "seed 42" in found.rule


def test_a_random_split_must_leave_something() -> None:
    with pytest.raises(NotEnoughData, match="leaves none"):
        random_split(np.array([0]), seed=0)


def test_a_written_split_is_read_again(tree: Tree) -> None:
    odd = ["a,b.jpg", 'say "x".jpg', "two\nlines.jpg", "cr\rhere.jpg", " space .jpg", "a\\b.jpg"]
    names = [f"cats, small/{name}" for name in odd] + [
        os.fsdecode(b"dogs\xff\x81/caf\xe9.jpg"),
        os.fsdecode(b"owls\xff /1.jpg"),
        " birds /1.jpg",
        "d/1",
    ]
    first = read(tree(names))
    splits = ("train", *("train", "test") * 3, *("train",) * 3)
    groups = tuple(f"g{i}" for i in range(10))
    path = first.root / "split.csv"
    write_split(path, first.ids, first.labels, splits, groups)
    again = read(path)
    assert (again.ids, again.labels) == (first.ids, first.labels)
    assert (again.splits, again.groups) == (splits, groups)
    assert again.unusable == ()


@settings(deadline=None, max_examples=25)  # each example waits for the disk
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"])).map(str.strip).filter(bool),
        min_size=2,
        unique=True,
    )
)
def test_labels_of_any_text_survive_without_outer_spaces(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    ids = [f"{number:03}.jpg" for number in range(len(labels))]
    for name in ids:
        (folder / name).write_bytes(b"x")
    write_split(folder / "split.csv", ids, labels, ["train"] * len(ids), [""] * len(ids))
    again = read(folder / "split.csv")
    assert again.ids == tuple(ids)
    assert again.labels == tuple(labels)
