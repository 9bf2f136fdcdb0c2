"""Undone, everything is as it was before, and what someone changed since is still there."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from headstart.errors import SettingError
from headstart.sorting import putting
from headstart.sorting.journal import JOURNAL, opened
from headstart.sorting.putting import WAYS
from headstart.sorting.sort import sort
from headstart.sorting.undo import undo


@pytest.mark.parametrize("how", WAYS)
def test_all_is_as_before(run, inbox, to, tmp_path, tree, how):
    before = tree(tmp_path)
    run(how=how)
    undone = undo(inbox, to)
    assert (undone.num_undone, undone.num_kept, undone.kept) == (10, 0, ())
    assert tree(tmp_path) == before


def test_what_an_older_version_sorted_is_left_alone(run, inbox, to, tmp_path, tree):
    """It knew pictures by another digest: every one would seem changed."""
    run(how="move")
    connection = sqlite3.connect(to / JOURNAL)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    before = tree(tmp_path)
    with pytest.raises(SettingError, match="another version"):
        undo(inbox, to)
    assert tree(tmp_path) == before


def test_what_was_there_before_stays(run, inbox, to, tmp_path, tree):
    (to / "cats").mkdir(parents=True)
    (to / "cats" / "one.png").write_text("mine")
    before = tree(tmp_path)
    with opened(to):  # else the place would be refused
        pass
    run(how="move")
    assert undo(inbox, to).num_kept == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("how", ["copy", "move", "symlink", "hard-link"])
def test_what_was_changed_since_stays(run, inbox, to, how):
    run(how=how)
    place = to / "dogs" / "two.png"
    place.unlink()
    place.write_text("edited")
    (to / "cats" / "theirs.png").write_text("theirs")
    undone = undo(inbox, to)
    assert (undone.num_undone, undone.num_kept) == (9, 1)
    assert undone.kept == (("dogs/two.png", "it was changed since"),)
    assert place.read_text() == "edited"
    assert {path.name for path in to.rglob("*.png")} == {"two.png", "theirs.png"}
    assert (to / "headstart-sort.csv").exists()
    with pytest.raises(SettingError, match="not undone to its end"):
        run(how=how)
    place.unlink()
    assert undo(inbox, to).num_kept == (how == "move")


@pytest.mark.parametrize("how", ["copy", "hard-link"])
def test_the_last_copy_stays(run, inbox, to, how):
    run(how=how)
    (inbox / "two.png").unlink()
    undone = undo(inbox, to)
    assert undone.kept == (("dogs/two.png", "its original is gone: it is the last copy"),)
    assert (to / "dogs" / "two.png").is_file()


def test_a_table_that_was_changed_stays(run, inbox, to):
    run()
    with (to / "headstart-sort.csv").open("a") as file:
        file.write("my notes\n")
    assert undo(inbox, to).kept == (("headstart-sort.csv", "it was changed since"),)
    assert [path.name for path in to.glob("*") if path.name[0] != "."] == ["headstart-sort.csv"]


def test_nothing_is_moved_back_over_another_file(run, inbox, to):
    run(how="move")
    (inbox / "two.png").write_text("new")
    undone = undo(inbox, to)
    assert undone.kept == (("dogs/two.png", "another file has taken its place"),)
    assert (inbox / "two.png").read_text() == "new"
    assert (to / "dogs" / "two.png").read_text().startswith("dogs")


@pytest.mark.parametrize("both", [shutil.copy2, os.link])
def test_a_move_back_that_was_killed(run, inbox, to, tmp_path, tree, both):
    before = tree(tmp_path)
    run(how="move")
    both(to / "dogs" / "two.png", inbox / "two.png")
    assert undo(inbox, to).num_kept == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("both", [shutil.copy2, os.link])
def test_a_move_that_was_killed(run, inbox, to, both, monkeypatch):
    """Both names are there, and nothing after it was written down."""

    def die(how, source, destination, digest):
        both(source, destination)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(putting, "put", die)
        run(how="move")
    found = run(how="move")
    assert (found.num_pictures, found.num_left) == (10, 0)
    assert not list(inbox.rglob("*.png"))
    assert len(list(to.rglob("*.png"))) == 10


def test_folders_that_were_removed_come_back(run, inbox, to, tmp_path, tree):
    before = tree(tmp_path)
    run(how="move")
    (inbox / "deep" / "er").rmdir()
    (inbox / "deep").rmdir()
    assert undo(inbox, to).num_kept == 0
    assert tree(tmp_path) == before


def test_what_cannot_be_undone_now_can_be_later(run, inbox, to, tmp_path, tree, monkeypatch):
    before = tree(tmp_path)
    run(how="move")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(putting, "_move", refuse)
    undone = undo(inbox, to)
    assert (undone.num_undone, undone.num_kept) == (0, 10)
    assert undone.kept[0][1] == "Permission denied"
    monkeypatch.undo()
    assert undo(inbox, to).num_undone == 10
    assert tree(tmp_path) == before


def test_after_undo_it_can_be_sorted_anew(run, inbox, to):
    run(how="copy")
    undo(inbox, to)
    assert run(how="move").num_pictures == 10


def test_there_must_be_a_sort_of_this_folder(run, inbox, to, tmp_path):
    with pytest.raises(SettingError, match="no journal"):
        undo(inbox, to)
    run()
    with pytest.raises(SettingError, match="another folder"):
        undo(tmp_path / "elsewhere", to)


@pytest.fixture
def other_file_system(tmp_path):
    place = Path("/dev/shm")
    if not place.is_dir() or place.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder) / "to"


def test_to_another_file_system_and_back(classifier, inbox, other_file_system, tmp_path, tree):
    before = tree(tmp_path)
    with pytest.raises(SettingError, match="different file systems"):
        sort(classifier, inbox, other_file_system, how="hard-link")
    times = {path.name: path.stat().st_mtime_ns for path in inbox.rglob("two.png")}
    assert sort(classifier, inbox, other_file_system, how="move").num_left == 0
    moved = other_file_system / "dogs" / "two.png"
    assert {moved.name: moved.stat().st_mtime_ns} == times
    assert not list(inbox.rglob("*.png"))
    assert undo(inbox, other_file_system).num_kept == 0
    assert tree(tmp_path) == before
    assert not other_file_system.exists()


def test_a_file_that_grows_while_it_is_moved_stays(
    classifier, inbox, other_file_system, monkeypatch
):
    copied = putting._copied

    def copied_late(source, temporary):
        digest = copied(source, temporary)
        if source.name == "two.png":
            with source.open("a") as file:
                file.write("more")
        return digest

    monkeypatch.setattr(putting, "_copied", copied_late)
    found = sort(classifier, inbox, other_file_system, how="move")
    assert found.left == (("two.png", "not_placed: it changed while it was moved"),)
    assert (inbox / "two.png").read_text().endswith("more")
    assert not (other_file_system / "dogs" / "two.png").exists()
    assert os.listdir(other_file_system / "dogs") == []
