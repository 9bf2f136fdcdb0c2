"""Every picture in exactly one place, none lost, none overwritten, whatever happens."""

import contextlib
import csv
import os
import resource
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headstart.errors import SettingError, StoreError
from headstart.sorting import listing, putting
from headstart.sorting.journal import opened
from headstart.sorting.putting import WAYS
from headstart.sorting.sort import sort
from headstart.sorting.undo import undo

WHERE = {
    "one.png": "cats/one-3.png",
    "two.png": "dogs/two.png",
    "deep/one.png": "cats/one-2.png",
    "deep/er/one.png": "cats/one.png",
    "slash.png": "a_b/slash.png",
    "odd.png": "_unsure-2/odd.png",
    "big.png": "CATS-2/big.png",
    "who.png": "_unsure/who-2.png",
    "knows/who.png": "_unsure/who.png",
    "broken.png": "_unreadable/broken.png",
}


def rows_of(to):
    with (to / "headstart-sort.csv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def begun(to):
    """A sort that was killed right at its beginning: a journal in which nothing stands."""
    to.mkdir(parents=True, exist_ok=True)
    with opened(to):
        pass


@pytest.mark.parametrize("how", WAYS)
def test_every_picture_is_where_the_table_says(run, inbox, to, tree, how):
    before = {name: (inbox / name).read_bytes() for name in WHERE}
    outside = tree(inbox)
    found = run(how=how)
    assert found.counts == {"cats": 3, "dogs": 1, "a/b": 1, "_unsure": 1, "CATS": 1}
    assert (found.unsure, found.unreadable, found.num_left) == ({"ambiguous": 2}, 1, 0)
    assert (found.num_pictures, found.passed_by) == (10, {".txt": 1})
    rows = rows_of(to)
    assert {path: row["destination"] for path, row in rows.items()} == WHERE
    if how == "manifest-only":
        assert {path.name for path in to.iterdir() if path.is_dir()} == set()
    else:
        assert {name: (to / place).read_bytes() for name, place in WHERE.items()} == before
        files = [path for path in to.rglob("*.png") if not path.name.startswith("headstart")]
        assert len(files) == len(WHERE)
    if how == "move":
        assert [path.name for path in inbox.rglob("*") if path.is_file()] == ["notes.txt"]
    else:
        assert tree(inbox) == outside


def test_what_the_tables_say(run, to):
    run()
    rows = rows_of(to)
    assert rows["two.png"] == {
        "path": "two.png",
        "label": "dogs",
        "probability": "1",
        "unsure": "false",
        "reason": "",
        "destination": "dogs/two.png",
    }
    assert (rows["who.png"]["unsure"], rows["who.png"]["reason"]) == ("true", "ambiguous")
    assert rows["broken.png"]["reason"] == "not_an_image: text"
    assert rows["broken.png"]["label"] == rows["broken.png"]["probability"] == ""
    table = pq.read_table(to / "headstart-sort.parquet").to_pylist()
    assert {row["path"]: row["destination"] for row in table} == WHERE
    assert {row["path"]: row["label"] or "" for row in table} == {
        path: row["label"] for path, row in rows.items()
    }


def test_times_are_kept(run, inbox, to):
    times = {name: (inbox / name).stat().st_mtime_ns for name in WHERE}
    run(how="copy")
    assert {name: (to / place).stat().st_mtime_ns for name, place in WHERE.items()} == times


def test_what_is_there_already_is_not_overwritten(run, to):
    begun(to)
    (to / "cats").mkdir()
    for name in ("one.png", "one-3.png"):
        (to / "cats" / name).write_text("mine")
    run()
    assert {path.name for path in (to / "cats").iterdir()} == {
        *("one.png", "one-2.png", "one-3.png"),
        *("one-4.png", "one-5.png"),
    }
    assert (to / "cats" / "one.png").read_text() == (to / "cats" / "one-3.png").read_text()


@pytest.mark.parametrize("how", WAYS[:4])
def test_a_name_that_appears_in_the_last_moment_is_not_overwritten(run, to, monkeypatch, how):
    put = putting.put

    def put_late(how, source, destination, digest):
        if destination.name == "two.png":
            destination.write_text("mine")
        put(how, source, destination, digest)

    monkeypatch.setattr(putting, "put", put_late)
    assert run(how=how).left == (("two.png", "not_placed: File exists"),)
    assert (to / "dogs" / "two.png").read_text() == "mine"


@pytest.mark.parametrize("how", ["copy", "move"])
def test_without_hard_links(run, inbox, to, tree, monkeypatch, how):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    before = Counter(path.read_bytes() for path in inbox.rglob("*.png"))
    monkeypatch.setattr(os, "link", refuse)
    assert run(how=how).num_left == 0
    assert Counter(path.read_bytes() for path in to.rglob("*.png")) == before


def test_what_cannot_be_removed_is_not_moved(run, inbox, to, monkeypatch, tree):
    unlink, before = Path.unlink, tree(inbox)

    def refuse(self, missing_ok=False):
        if self.is_relative_to(inbox):
            raise PermissionError(13, "Permission denied")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    found = run(how="move")
    assert (found.num_left, found.left[0][1]) == (10, "not_placed: Permission denied")
    assert tree(inbox) == before
    assert not list(to.rglob("*.png"))
    monkeypatch.undo()
    assert (run(how="move").num_left, len(list(to.rglob("*.png")))) == (0, 10)


def test_links_are_not_followed(run, inbox, to, tmp_path, fill):
    fill(tmp_path / "outside", theirs="cats", folder__more="cats")
    (inbox / "link.png").symlink_to(tmp_path / "outside" / "theirs.png")
    (inbox / "folder").symlink_to(tmp_path / "outside" / "folder")
    (inbox / "inside.png").symlink_to(inbox / "two.png")
    found = run(how="move")
    assert (found.num_pictures, found.passed_by["link"]) == (10, 3)
    assert (tmp_path / "outside" / "theirs.png").is_file()


def test_a_file_that_becomes_a_link_is_left(run, classifier, inbox, tmp_path, fill):
    fill(tmp_path, secret="cats")

    def exchange(path):
        if path.name == "two.png":
            path.unlink()
            path.symlink_to(tmp_path / "secret.png")

    classifier.afterwards = exchange
    assert run().left == (("two.png", "not_placed: it is no longer a file of its own"),)


def test_files_that_vanish_or_change_are_left_and_tried_again(run, classifier, inbox, to):
    def disturb(path):
        if path.name == "two.png":
            path.unlink()
        if path.name == "big.png":
            path.write_text("dogs\nanother one")

    classifier.afterwards = disturb
    found = run()
    assert dict(found.left) == {
        "two.png": "vanished",
        "big.png": "not_placed: it changed while it was sorted",
    }
    assert (found.num_pictures, found.num_left) == (10, 2)
    assert rows_of(to)["big.png"]["destination"] == ""
    classifier.afterwards = lambda path: None
    found = run()
    assert (found.num_pictures, found.num_left, found.counts["dogs"]) == (9, 0, 1)
    assert (to / "dogs" / "big.png").read_text() == "dogs\nanother one"
    assert not list(to.rglob(".headstart-tmp*"))


def test_a_folder_that_cannot_be_opened_is_a_row(run, inbox, to, monkeypatch):
    def scandir(path):
        if Path(path).name == "knows":
            raise PermissionError(13, "Permission denied")
        return os.scandir(path)

    monkeypatch.setattr(listing, "os", type("", (), {"scandir": scandir, "path": os.path}))
    found = run()
    assert found.left == (("knows", "unreadable: Permission denied"),)
    assert (found.num_pictures, rows_of(to)["knows"]["destination"]) == (10, "")
    monkeypatch.undo()
    assert (run().num_left, rows_of(to)["knows/who.png"]["destination"]) == (0, "_unsure/who-2.png")


@contextlib.contextmanager
def files_at_most(size):
    """No file may grow beyond so many bytes: what a full disk does, without filling one."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@pytest.mark.parametrize("how", ["copy", "move"])
def test_a_full_disk(run, inbox, to, tree, how):
    (inbox / "large.png").write_text("cats\n" + 200_000 * "x")
    before = Counter(path.read_bytes() for path in inbox.rglob("*.png"))
    with files_at_most(100_000):
        found = run(how=how)
    # To move a file on the same disk takes no space.
    expected = (("large.png", "not_placed: File too large"),) if how == "copy" else ()
    assert found.left == expected
    assert run(how=how).num_left == 0
    assert Counter(path.read_bytes() for path in to.rglob("*.png")) == before


def test_no_space_for_the_journal(run, inbox, to, tmp_path, tree):
    before = tree(tmp_path)
    with files_at_most(20_000), pytest.raises(StoreError, match="could not write in"):
        run(how="move")
    assert before.items() <= tree(tmp_path).items()
    assert run(how="move").num_left == 0
    assert undo(inbox, to).num_kept == 0
    assert before.items() <= tree(tmp_path).items()


def test_again_adds_what_is_new(run, inbox, to, tree, fill):
    run(how="move")
    placed = tree(to / "cats")
    fill(inbox, one="dogs", late="cats")  # another picture under a name that was moved
    found = run(how="move")
    assert (found.counts["cats"], found.counts["dogs"], found.num_pictures) == (4, 2, 12)
    assert placed.items() <= tree(to / "cats").items()
    assert (to / "dogs" / "one.png").is_file()
    assert run(how="move").num_pictures == 12


def test_what_someone_removed_does_not_come_back(run, to):
    run()
    (to / "dogs" / "two.png").unlink()
    run()
    assert not (to / "dogs" / "two.png").exists()


def test_dry_run_touches_nothing(run, tmp_path, tree):
    before = tree(tmp_path)
    counted = run(dry_run=True)
    assert tree(tmp_path) == before
    assert counted.table is None
    done = run()
    assert (counted.counts, counted.unsure, counted.unreadable, counted.num_pictures) == (
        *(done.counts, done.unsure, done.unreadable, done.num_pictures),
    )
    assert run(dry_run=True).num_pictures == 10


def test_names_that_are_no_text(run, inbox, to):
    name = os.fsdecode(b"caf\xe9.png")
    (inbox / name).write_text("cats\n")
    run()
    assert (to / "cats" / name).read_text() == "cats\n"
    assert rows_of(to)["caf\\udce9.png"]["label"] == "cats"


def test_one_in_the_other_is_refused(classifier, inbox, tmp_path):
    (tmp_path / "link").symlink_to(inbox)
    for to in (inbox, inbox / "sorted", tmp_path, tmp_path / "link" / "deep"):
        with pytest.raises(SettingError, match="one lies in the other"):
            sort(classifier, inbox, to)


def test_another_sort_in_the_same_place_is_refused(run, classifier, to, tmp_path, fill):
    run()
    with pytest.raises(SettingError, match="another way: copy, now move"):
        run(how="move")
    fill(tmp_path / "other", one="cats")
    with pytest.raises(SettingError, match="pictures of another folder"):
        sort(classifier, tmp_path / "other", to)
    (classifier.folder / "bundle.json").write_text("{}")
    with pytest.raises(SettingError, match="another classifier"):
        run()


def test_wrong_settings(run, classifier, inbox, to, tmp_path):
    with pytest.raises(SettingError, match="there is no"):
        sort(classifier, tmp_path / "nowhere", to)
    with pytest.raises(SettingError, match="loaded already"):
        run(max_error=0.1)
    with pytest.raises(SettingError, match="how='swap'"):
        run(how="swap")
    to.parent.mkdir()
    to.write_text("a file")
    with pytest.raises(StoreError, match="Not a directory"):
        run()


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("name", ["cats/mine.png", "headstart-sort.csv"])
def test_a_place_that_holds_something_else_is_refused(run, to, tmp_path, tree, name, dry_run):
    (to / name).parent.mkdir(parents=True)
    (to / name).write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(SettingError, match=f"{name.partition('/')[0]} and no journal of a sort"):
        run(dry_run=dry_run)
    assert tree(tmp_path) == before


def test_an_empty_place_and_one_of_a_run_killed_at_its_beginning(run, inbox, to):
    to.mkdir(parents=True)
    (to / ".headstart-tmp-0123456789ab").touch()  # as `must_be_writable` leaves it
    assert run(dry_run=True).num_pictures == 10
    begun(to)
    assert run(dry_run=True).num_pictures == 10
    assert run().num_left == 0
    assert undo(inbox, to).num_kept == 0


def test_two_at_once_are_refused(run, to):
    run()
    with opened(to), pytest.raises(StoreError, match="another sort is at work"):
        run()


def test_a_damaged_journal_is_said(run, to):
    to.mkdir(parents=True)
    (to / ".headstart-sort.sqlite3").write_text("no journal " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        run()
