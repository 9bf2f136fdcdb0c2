import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headstart.datasets.walking import suffix_of, walk
from headstart.errors import DatasetError
from headstart.unusable import Unusable

Tree = Callable[..., Path]


def test_what_is_no_picture_is_passed_by_and_counted(tree: Tree) -> None:
    root = tree(
        [
            *("cats/1.JPG", "cats/scan", "cats/scan.0001", "cats/raw.NEF"),
            *("cats/.DS_Store", "cats/._1.jpg", ".ipynb_checkpoints/1.jpg"),
            *("Thumbs.db", "cats/desktop.ini", "__MACOSX/cats/1.jpg"),
            *("cats/notes.txt", "cats/more.txt", "labels.csv", "cats/x.py"),
            "pets.headstart/report/1.png",
        ]
    )
    found = walk(root)
    assert list(found.folder.pictures()) == [
        "cats/1.JPG",
        "cats/raw.NEF",
        "cats/scan",
        "cats/scan.0001",
    ]
    assert dict(found.skipped) == {
        "hidden": 3,
        "system": 3,
        "own results": 1,
        ".txt": 2,
        ".csv": 1,
        ".py": 1,
    }
    assert found.folder.tables == ("labels.csv",)


def test_order_is_not_that_of_the_file_system(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(["b/2.jpg", "b/1.jpg", "a/3.jpg", "c/"])
    forwards = walk(root)
    real = os.scandir

    class Backwards:
        def __init__(self, path: Any) -> None:
            with real(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert walk(root) == forwards
    assert [folder.name for folder in forwards.folder.folders] == ["a", "b", "c"]
    assert [folder.name for folder in forwards.folder.filled] == ["a", "b"]


def test_linked_folders_are_not_entered_and_files_are(tree: Tree) -> None:
    root = tree(["cats/1.jpg"])
    (root / "cats" / "loop").symlink_to(root)
    (root / "cats" / "2.jpg").symlink_to(root / "cats" / "1.jpg")
    (root / "cats" / "3.jpg").symlink_to(root / "gone.jpg")
    os.mkfifo(root / "cats" / "4.jpg")  # would wait for ever if it were opened
    found = walk(root)
    # The link to nothing stays a candidate, so that it is reported by name.
    assert list(found.folder.pictures()) == ["cats/1.jpg", "cats/2.jpg", "cats/3.jpg"]
    assert dict(found.skipped) == {"linked folder": 1, "not a regular file": 1}
    assert found.notes == ("linked folders are not entered: cats/loop",)


def test_a_folder_that_cannot_be_opened_is_a_row(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(["cats/1.jpg", "dogs/1.jpg"])
    real = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("dogs"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = walk(root)
    assert found.unusable == (Unusable("dogs", "unreadable", "Permission denied"),)
    assert list(found.folder.pictures()) == ["cats/1.jpg"]


def test_strange_extensions_are_judged_by_the_first_bytes(tree: Tree) -> None:
    root = tree(["cats/1.jpg", "cats/notes.wiki", "cats/none.bin"])
    (root / "cats" / "2.jpg_large").write_bytes(b"\xff\xd8\xff\xe0")
    (root / "cats" / "3.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (root / "cats" / "4.zip").write_bytes(b"\xff\xd8\xff\xe0")
    (root / "cats" / "none.bin").write_bytes(b"")
    (root / "cats" / "5.jpg_large").symlink_to(root / "gone")
    os.mkfifo(root / "cats" / "6.jpg_large")  # would wait for ever if it were opened
    found = walk(root)
    assert list(found.folder.pictures()) == [
        "cats/1.jpg",
        "cats/2.jpg_large",
        "cats/3.dcm",
        "cats/5.jpg_large",
    ]
    assert dict(found.skipped) == {".wiki": 1, ".bin": 1, ".zip": 1, "not a regular file": 1}


def test_known_extensions_are_judged_without_opening_a_file(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(["1.jpg", "scan", "1.xml", "labels.csv"])

    def refusing(*_: Any) -> Any:
        raise AssertionError("opened")

    monkeypatch.setattr("builtins.open", refusing)
    assert list(walk(root).folder.pictures()) == ["1.jpg", "scan"]


def test_names_that_are_not_utf8_survive(tree: Tree) -> None:
    name = os.fsdecode(b"caf\xe9/\xff.jpg")
    root = tree([name])
    (found,) = walk(root).folder.pictures()
    assert found == name
    assert (root / found).read_bytes() == b"x"


def test_a_number_is_no_extension() -> None:
    assert [suffix_of(name) for name in ("a.JPG", "scan.0001", "README", ".jpg")] == [
        *(".jpg", "", "", "")
    ]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no"):
        walk(tmp_path / "nothing")
