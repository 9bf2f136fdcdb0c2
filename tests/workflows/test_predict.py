"""Which files a call means."""

import os

import pytest

from headstart.errors import SettingError
from headstart.workflows.predict import expand, predict


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("b.png", "a.JPG", "deep/c.webp", "deep/.hidden.png", "notes.txt", "[x].png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_come_as_they_were_written(tree):
    assert list(expand(["b.png", "./a.JPG", tree / "b.png"])) == [
        "b.png",
        "./a.JPG",
        str(tree / "b.png"),
    ]


def test_folders_are_searched_through_for_pictures(tree):
    found = list(expand(["."]))
    assert found == ["./[x].png", "./a.JPG", "./b.png", "./deep/c.webp"]


def test_a_linked_folder_is_not_entered_and_not_silent(tree):
    (tree / "deep" / "more").symlink_to(tree, target_is_directory=True)
    assert list(expand(["deep"])) == ["deep/c.webp", "deep/more"]


def test_patterns_are_resolved_also_to_folders(tree):
    assert list(expand(["*.png"])) == ["[x].png", "b.png"]
    assert list(expand(["d*"])) == ["deep/c.webp"]
    assert list(expand(["**/*.webp"])) == ["deep/c.webp"]
    assert list(expand(["[x].png"])) == ["[x].png"]


def test_what_is_not_there_is_passed_on(tree):
    missing = ["none.png", "n" * 300, "b.png/below"]
    assert list(expand(missing)) == missing
    with pytest.raises(SettingError, match="no file fits"):
        list(expand(["none*.png"]))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_cannot_be_opened_is_not_passed_over(tree):
    (tree / "deep").chmod(0)
    assert "./deep" in list(expand(["."]))
    (tree / "deep").chmod(0o700)


def test_it_is_lazy():
    def places():
        yield "first.png"
        raise AssertionError("asked for too early")

    assert next(expand(places())) == "first.png"


def test_predict_takes_a_folder_of_a_classifier_or_a_classifier(bundle, shapes):
    import headstart as hs

    one = shapes / "blobs" / "blobs_00.png"
    by_path = predict(bundle, one)
    assert predict(hs.load(bundle), [one, str(one)]) == [*by_path, *by_path]
    assert by_path[0].label == "blobs"
