from pathlib import Path

import numpy as np
import pytest

from headstart.datasets.manifest import Manifest, first_of, with_spaces
from headstart.errors import DatasetError
from headstart.unusable import Unusable


def manifest(**changes: object) -> Manifest:
    columns: dict[str, object] = {
        "root": Path("/data/pets"),
        "ids": ("a.jpg", "b.jpg", "c.jpg"),
        "labels": ("dog", "cat", "dog"),
        "splits": ("train", "train", "test"),
        "groups": ("", "", ""),
        "layout": "table",
    }
    return Manifest(**{**columns, **changes})  # type: ignore[arg-type]


def test_classes_and_paths() -> None:
    pets = manifest()
    assert len(pets) == 3
    assert pets.class_names == ("cat", "dog")
    assert pets.class_indices.tolist() == [1, 0, 1]
    assert pets.counts == {"cat": 1, "dog": 2}
    assert pets.path(1) == Path("/data/pets/b.jpg") == pets.paths[1]


def test_select_keeps_rows_together_and_reports() -> None:
    lost = (Unusable("d.jpg", "no_row"),)
    chosen = manifest(unusable=lost, notes=("n",)).select(np.array([2, 1]))
    assert chosen.ids == ("c.jpg", "b.jpg")
    assert chosen.labels == ("dog", "cat")
    assert chosen.splits == ("test", "train")
    assert (chosen.unusable, chosen.notes) == (lost, ("n",))


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("ids", ("a.jpg", "b.jpg"), "lengths"),
        ("ids", ("a.jpg", "b.jpg", "a.jpg"), "'a.jpg' stands there more than once"),
        ("splits", ("train", "dev", ""), "'dev'"),
        ("labels", ("dog", "", "dog"), "'b.jpg' has an empty label"),
    ],
)
def test_wrong_columns_are_refused(column: str, value: tuple[str, ...], what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        manifest(**{column: value})


def test_summary_is_one_line_with_everything() -> None:
    many = manifest(
        ids=tuple(f"{i}.jpg" for i in range(2000)),
        labels=("dogs",) * 1200 + ("cats",) * 800,
        splits=("train",) * 1600 + ("test",) * 400,
        groups=("patient 1", *[""] * 1999),
        unusable=(Unusable("x", "no_file"), Unusable("y", "no_file"), Unusable("z", "no_row")),
        skipped=((".txt", 2), ("hidden", 1)),
    )
    assert many.summary().replace("\u202f", "_") == (
        "pets/: 2_000 pictures, cats 800, dogs 1_200 · train 1_600, test 400 · 1 group "
        "· 2 rows without a file · 1 file without a row · 3 other files skipped (.txt 2, hidden 1)"
    )


def test_summary_of_many_classes_shows_the_first() -> None:
    flowers = manifest(
        ids=tuple(map(str, range(12))),
        labels=tuple(f"class{i}" for i in range(12)),
        splits=("",) * 12,
        groups=("",) * 12,
    )
    assert flowers.summary() == (
        "pets/: 12 pictures, class0 1, class1 1, class2 1, class3 1, … 12 classes"
    )


def test_numbers_and_lists_in_words() -> None:
    assert with_spaces(1234567) == "1\u202f234\u202f567"
    assert first_of("abcde", 2) == "a, b and 3 more"
    assert first_of("ab", 2) == "a, b"


def test_summary_names_the_most_frequent_kinds_first() -> None:
    skipped = ((".a", 1), (".b", 3), (".c", 1), (".jpg_large", 12))
    assert (
        manifest(skipped=skipped)
        .summary()
        .endswith("17 other files skipped (.jpg_large 12, .b 3, .a 1 and 1 more)")
    )
