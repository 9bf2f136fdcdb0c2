"""`headstart sort`: a messy folder through the program, there and back."""

import shutil

import pytest

from headstart.files import sha256_file


@pytest.fixture(scope="module")
def inbox(shapes, tmp_path_factory):
    """The pictures of two classes in one folder, and what else lies in such folders."""
    folder = tmp_path_factory.mktemp("sort") / "inbox"
    folder.mkdir()
    for path in [*shapes.rglob("*_0?.png")]:
        shutil.copy(path, folder)
    (folder / "again").mkdir()
    shutil.copy(folder / "blobs_01.png", folder / "again" / "blobs_01.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2_000))
    (folder / "notes.txt").write_text("notes")
    return folder


def contents(folder):
    return {path.relative_to(folder): sha256_file(path) for path in folder.rglob("*.*")}


def test_there_and_back(headstart, bundle, inbox, tmp_path):
    to, before = tmp_path / "to", contents(inbox)
    counted = headstart("sort", bundle, inbox, to, "--dry-run", "--json")
    assert (counted.code, counted.json["dry_run"], to.exists()) == (3, True, False)
    ran = headstart("sort", bundle, inbox, to, "--json")
    assert ran.code == 3, ran.err
    for key in ("counts", "unsure", "unreadable", "num_pictures", "passed_by"):
        assert ran.json[key] == counted.json[key]
    assert (ran.json["unreadable"], ran.json["num_pictures"], ran.json["num_left"]) == (2, 23, 0)
    assert ran.json["passed_by"] == {".txt": 1}
    # What is sure is right: the pictures were those of training.
    for kind in ("blobs", "stripes"):
        found = list((to / kind).iterdir())
        assert len(found) == ran.json["counts"][kind] > 5
        assert all(path.name.startswith(kind) for path in found)
    assert {path.name for path in (to / "_unreadable").iterdir()} == {"text.jpg", "big.png"}
    assert contents(inbox) == before
    undone = headstart("sort", bundle, inbox, to, "--undo", "--json")
    assert (undone.code, undone.json) == (0, {"num_undone": 23, "num_kept": 0, "kept": []})
    assert not to.exists()
    assert contents(inbox) == before


def test_two_ways_at_once_are_refused(headstart, bundle, inbox, tmp_path):
    ran = headstart("sort", bundle, inbox, tmp_path / "to", "--copy", "--move")
    assert (ran.code, ran.complaint) == (2, "--copy and --move at once")
    assert not (tmp_path / "to").exists()
    assert (
        headstart("sort", bundle, inbox, tmp_path / "to", "--copy", "--copy", "--dry-run").code == 3
    )


def test_the_training_set_is_no_place_for_it(headstart, bundle, shapes, inbox):
    before = contents(shapes)
    for more in ((), ("--dry-run",)):
        ran = headstart("sort", bundle, inbox, shapes, *more)
        assert (ran.code, ran.complaint) == (2, f"{shapes} holds blobs and no journal of a sort")
    assert contents(shapes) == before


def test_what_it_says(headstart, bundle, inbox, tmp_path):
    ran = headstart("sort", bundle, inbox, tmp_path / "to", "--symlink")
    assert (ran.code, ran.out) == (3, "")
    assert "  blobs\n" in ran.err
    assert "2  not readable" in ran.err
    assert "passed by, no pictures: 1 .txt" in ran.err
    assert f"23 pictures: see {tmp_path / 'to' / 'headstart-sort.csv'}" in ran.err
    ran = headstart("sort", bundle, inbox, tmp_path / "to", "--move")
    assert (ran.code, ran.complaint.split(": ")[-1]) == (2, "symlink, now move")
    ran = headstart("sort", bundle, inbox, tmp_path / "to", "--undo", "--dry-run")
    assert (ran.code, ran.complaint) == (2, "--undo with --dry-run")
    ran = headstart("sort", "no-bundle-needed", inbox, tmp_path / "to", "--undo")
    assert (ran.code, ran.err) == (0, "23 pictures are as before\n")
