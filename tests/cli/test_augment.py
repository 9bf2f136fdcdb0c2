"""`headstart augment`: the sheet, where it goes, what is said of it."""

import pytest

from headstart.cli.augment import _HELP
from headstart.finetuning.settings import Augmentation


def listing(folder):
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_json_names_what_was_used_and_drawn(headstart, shapes, backbone, tmp_path):
    before, out = listing(shapes), tmp_path / "sheet.png"
    ran = headstart(
        *("augment", shapes, "--out", out, "--rows", 2, "--json"),
        *("--preset", "light", "--rotation", 20, "--zoom", 0.9, 1.1),
    )
    assert (ran.code, ran.json["sheet"]) == (0, str(out))
    used = ran.json["augmentation"]
    assert (used["flip"], used["rotation"], used["zoom"]) == (0.5, 20, [0.9, 1.1])
    assert len(ran.json["pictures"]) == 2
    assert all("turn" in drawn for row in ran.json["pictures"] for drawn in row["drawn"])
    assert {len(row["drawn"]) for row in ran.json["pictures"]} == {7}
    assert listing(shapes) == before


def test_the_seed_decides(headstart, shapes, backbone, tmp_path):
    sheets = []
    for seed in (1, 1, 2):
        out = tmp_path / "sheet.png"
        ran = headstart("augment", shapes, "--out", out, "--rows", 1, "--seed", seed)
        assert (ran.code, ran.out) == (0, "")
        assert "crop 0.6-1" in ran.err
        sheets.append(out.read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_never_among_the_pictures(headstart, shapes, monkeypatch):
    before = listing(shapes)
    ran = headstart("augment", shapes, "--out", shapes / "blobs" / "sheet.png")
    assert ran.code == 2
    assert "among the pictures" in ran.complaint
    one = shapes / "blobs" / "blobs_00.png"
    assert headstart("augment", one, "--out", shapes / "blobs" / "sheet.png").code == 2
    monkeypatch.chdir(shapes)
    assert headstart("augment", ".").code == 2
    assert listing(shapes) == before


def test_what_cannot_be_read_is_listed(headstart, draw_folder, backbone, tmp_path):
    folder = draw_folder(tmp_path / "some", blobs=2)
    (folder / "blobs" / "broken.png").write_bytes(b"no picture")
    ran = headstart("augment", folder, "--out", tmp_path / "sheet.png", "--json")
    assert ran.code == 3
    assert [row["reason"] for row in ran.json["unusable"]] == ["not_an_image"]
    assert len(ran.json["pictures"]) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--flip", "2"], "flip is 2.0"),
        (["--preset", "none", "--stretch", "1.2"], "without a crop"),
        (["--out", "sheet.jpg"], "sheet.jpg"),
    ],
)
def test_wrong_settings(headstart, shapes, arguments, complaint):
    ran = headstart("augment", shapes, *arguments)
    assert ran.code == 2
    assert complaint in ran.complaint


def test_what_is_not_there_is_said_before_where_the_sheet_goes(headstart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, complaint in (
        ("nope", "there is no nope"),
        ("*.jpg", "no file fits the pattern *.jpg"),
    ):
        ran = headstart("augment", name)
        assert (ran.code, ran.complaint) == (2, complaint)


def test_every_setting_has_its_option():
    assert list(_HELP) == list(vars(Augmentation()))
