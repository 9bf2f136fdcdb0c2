"""Where a bundle may go: nothing of the user's is ever replaced."""

import csv
import shutil

import pytest

from headstart.errors import SettingError
from headstart.reports.audit import DoubtedLabel
from headstart.workflows.saving import _write_rows, bundle_place


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pets"
    folder.mkdir()
    return folder


@pytest.fixture
def older(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "older.headstart")


def test_beside_the_pictures(pictures, tmp_path, monkeypatch):
    assert bundle_place(pictures, None) == tmp_path / "pets.headstart"
    (tmp_path / "labels.csv").touch()
    assert bundle_place(tmp_path / "labels.csv", None) == tmp_path / "labels.headstart"
    monkeypatch.chdir(pictures)
    assert bundle_place(pictures.relative_to(pictures), None) == tmp_path / "pets.headstart"


def test_beside_a_link_to_the_pictures(pictures, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "link").symlink_to(pictures)
    assert bundle_place(tmp_path / "mine" / "link", None) == tmp_path / "mine" / "link.headstart"


@pytest.mark.parametrize("inside", ["", "out", "cats/deep/out"])
def test_never_inside_the_pictures(pictures, inside):
    with pytest.raises(SettingError, match="inside the pictures' folder"):
        bundle_place(pictures, pictures / inside)


def test_a_link_does_not_hide_that_it_is_inside(pictures, tmp_path):
    (tmp_path / "link").symlink_to(pictures)
    with pytest.raises(SettingError, match="inside the pictures' folder"):
        bundle_place(pictures, tmp_path / "link" / "out")


def test_never_inside_another_classifier(pictures, older):
    with pytest.raises(SettingError, match="inside another one") as error:
        bundle_place(older / "split.csv", None)
    assert error.value.fix == f"--out {older.parent / 'split.headstart'}"
    with pytest.raises(SettingError, match="inside another one"):
        bundle_place(pictures, older / "again")


def test_an_empty_folder_or_an_older_classifier_may_be_replaced(pictures, older, tmp_path):
    (tmp_path / "empty").mkdir()
    assert bundle_place(pictures, tmp_path / "empty") == tmp_path / "empty"
    assert bundle_place(pictures, older) == older


def test_so_may_a_damaged_one(pictures, older):
    (older / "bundle.json").write_text("{")
    assert bundle_place(pictures, older) == older


def test_a_foreign_folder_or_file_may_not(pictures, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    for name in ("thesis", "thesis/chapter.tex"):
        with pytest.raises(SettingError, match="not a saved classifier"):
            bundle_place(pictures, tmp_path / name)


def test_nor_may_an_older_classifier_to_which_something_was_added(pictures, older):
    (older / "notes.txt").touch()
    (older / ".git").mkdir()
    with pytest.raises(SettingError, match=r"what is not ours: \.git and 1 more"):
        bundle_place(pictures, older)


def test_nor_one_that_the_pictures_are_in(older):
    pictures = older / "pictures"
    pictures.mkdir()
    with pytest.raises(SettingError, match="what is not ours: pictures"):
        bundle_place(pictures, older)


def test_the_tables_of_the_audit_are_always_written(bundle):
    heads = {
        "label_issues.csv": "path,split,given,suggested,self_confidence,score,ticked,agreement",
        "outliers.csv": "path,split,label,distance,expected",
        "look_alikes.csv": "path,label,split,other_path,other_label,other_split,similarity",
        "unreadable.csv": "path,reason,detail",
    }
    for name, head in heads.items():
        assert (bundle / name).read_text().splitlines()[0] == head


def test_rows_of_a_table_are_the_fields_of_its_kind(tmp_path):
    rows = (DoubtedLabel("caf\udce9,1.jpg", "train", "a", "b", 0.25, 0.125, True, None),)
    _write_rows(tmp_path / "t.csv", DoubtedLabel, rows)
    with (tmp_path / "t.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == "caf\\udce9,1.jpg"
    assert (row["score"], row["ticked"], row["agreement"]) == ("0.125", "True", "")
