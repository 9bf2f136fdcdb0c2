"""Class folders with a table of labels beside them."""

from pathlib import Path

import pytest

from headstart.datasets.reading import ReadOptions, read
from headstart.errors import DatasetError


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Ten files in each of two folders; what is in them does not matter here."""
    for name in ("p1", "p2"):
        (tmp_path / name).mkdir()
        for number in range(10):
            (tmp_path / name / f"{name}_{number}.png").write_bytes(b"x")
    return tmp_path


def write(folder: Path, label: dict[str, list[str]], header: str = "file,label") -> None:
    rows = [
        f"{name}/{name}_{number}.png,{labels[number]}"
        for name, labels in label.items()
        for number in range(10)
    ]
    (folder / "labels.csv").write_text("\n".join([header, *rows]))


def test_folders_that_are_no_classes_are_refused(folders: Path) -> None:
    both = ["malignant", "benign"] * 5
    write(folders, {"p1": both, "p2": both})
    with pytest.raises(DatasetError, match=r"different labels of \d+ of 20 pictures") as raised:
        read(folders)
    assert str(folders / "labels.csv") in raised.value.fix
    assert read(folders, ReadOptions(label_pattern="([^/]+)/[^/]+$")).class_names == ("p1", "p2")
    assert read(folders / "labels.csv").class_names == ("benign", "malignant")


def test_other_words_for_the_same_classes_are_no_contradiction(folders: Path) -> None:
    write(folders, {"p1": ["0"] * 10, "p2": ["1"] * 10})
    found = read(folders)
    assert found.class_names == ("p1", "p2")
    assert "labels.csv not read: the class folders give the labels" in found.notes


def test_a_few_other_labels_are_said(folders: Path) -> None:
    write(folders, {"p1": ["p1"] * 9 + ["p2"], "p2": ["P2"] * 10})
    found = read(folders)
    assert found.counts == {"p1": 10, "p2": 10}
    assert any(
        note.endswith("another label for 1 picture, first: p1/p1_9.png ('p2', not 'p1')")
        for note in found.notes
    )


def test_a_table_about_something_else_is_none_of_labels(folders: Path) -> None:
    write(folders, {"p1": ["old", "new"] * 5, "p2": ["old", "new"] * 5}, "file,camera")
    assert read(folders).class_names == ("p1", "p2")
