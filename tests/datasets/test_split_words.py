import pytest

from headstart.datasets.split_words import split_of, split_of_cell, split_sets


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *((name, "train") for name in ("train", "Training", "training_set", "TRAIN", "seg_train")),
        *((name, "train") for name in ("trainset", "train2017", "dataset_train", "TrainImages")),
        *((name, "validation") for name in ("val", "valid", "Validation", "validation_set", "dev")),
        *((name, "test") for name in ("test", "test1", "Testing", "test_set", "seg-test", "eval")),
        *((name, None) for name in ("latest", "contest", "trains", "constrained", "cats", "value")),
    ],
)
def test_split_of(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_only_names_with_the_same_rest_belong_together() -> None:
    names = ["old_test", "seg_pred", "seg_test", "seg_train", "testSet"]
    assert split_sets((name, name) for name in names) == [
        {"test": ["seg_test"], "train": ["seg_train"]},
        {"test": ["old_test"]},
        {"test": ["testSet"]},
    ]


def test_a_cell_is_the_word_alone() -> None:
    assert [split_of_cell(cell) for cell in (" Train", "VAL", "seg_train", "1", "")] == [
        *("train", "validation", None, None, None)
    ]
    assert [split_of_cell(cell) for cell in ("Hold-out", "hold_out", "public-ish")] == [
        *("test", "test", None)
    ]


def test_yes_and_no_in_a_column_that_says_what_of() -> None:
    cells = ("True", "1", "1.0", "no", "maybe")
    assert [split_of_cell(cell, "is_valid") for cell in cells] == [
        *("validation", "validation", "validation", "train", None)
    ]
    assert split_of_cell("False", "isTrain") == "test"
    assert split_of_cell("True", "label") is None
