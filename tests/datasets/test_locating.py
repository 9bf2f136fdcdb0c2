from pathlib import Path

import pytest

from headstart.datasets.locating import Locator

IDS = (
    *("train/cats/1.jpg", "train/dogs/1.jpg", "test/cats/1.jpg", "train/cats/Two.JPG"),
    *("train/cats/000bec.jpg", "a\\b.jpg", "caf\u00e9.jpg"),
)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("train/cats/1.jpg", ("train/cats/1.jpg",)),
        ("./train//cats/../cats/1.jpg", ("train/cats/1.jpg",)),
        ("train\\cats\\1.jpg", ("train/cats/1.jpg",)),
        ("F:\\old place\\pets\\train\\dogs\\1.jpg", ("train/dogs/1.jpg",)),
        ("/home/bob/pets/train/dogs/1.jpg", ("train/dogs/1.jpg",)),
        ("https://example.org/dogs/1.jpg", ("train/dogs/1.jpg",)),
        ("/home/bob/cats/1.jpg", ("test/cats/1.jpg", "train/cats/1.jpg")),
        ("1.jpg", ("test/cats/1.jpg", "train/cats/1.jpg", "train/dogs/1.jpg")),
        ("two.jpg", ("train/cats/Two.JPG",)),
        ("000bec", ("train/cats/000bec.jpg",)),
        ("cats/000bec", ("train/cats/000bec.jpg",)),
        (" train/cats/1.jpg ", ("train/cats/1.jpg",)),
        ("a\\b.jpg", ("a\\b.jpg",)),
        ("cafe\u0301.jpg", ("caf\u00e9.jpg",)),
        *((cell, ()) for cell in ("", " ", "/", "..", "cats", "3.jpg", "000bec.png", "\0.jpg")),
    ],
)
def test_find(tmp_path: Path, cell: str, found: tuple[str, ...]) -> None:
    assert Locator(tmp_path, tmp_path, IDS).find(cell) == found


def test_exact_case_comes_before_alike(tmp_path: Path) -> None:
    locator = Locator(tmp_path, tmp_path, ("x/a.jpg", "y/A.jpg"))
    assert locator.find("A.jpg") == ("y/A.jpg",)
    assert locator.find("/old/a.JPG") == ("x/a.jpg", "y/A.jpg")


def test_relative_to_the_table_and_outside(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("images/1.dat", "tables.jpg"):
        (tmp_path / name).write_bytes(b"x")
    locator = Locator(tmp_path / "images", tmp_path, ())
    assert locator.find("images/1.dat") == ("1.dat",)
    assert locator.find(str(tmp_path / "images" / "1.dat")) == ("1.dat",)
    assert locator.find("tables.jpg") == (str(tmp_path / "tables.jpg"),)
    assert locator.find("n" * 5000) == ()
