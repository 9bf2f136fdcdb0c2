"""Where results go, and where they must not."""

import pytest


def test_never_inside_the_pictures(fit, shapes, state_of):
    before = state_of(shapes)
    ran = fit(shapes, shapes / "blobs" / "out")
    assert ran.code == 2
    assert "inside the pictures' folder" in ran.complaint
    assert state_of(shapes) == before


def test_never_over_what_is_not_ours(fit, shapes, tmp_path, state_of):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    before = state_of(tmp_path / "thesis")
    ran = fit(shapes, tmp_path / "thesis")
    assert ran.code == 2
    assert "not a saved classifier" in ran.complaint
    assert state_of(tmp_path / "thesis") == before


@pytest.mark.parametrize("place", ["out", "cache"])
def test_a_place_that_cannot_be_written(headstart, shapes, tmp_path, place):
    (tmp_path / "file").touch()
    places = {"out": tmp_path / "good", "cache": tmp_path / "cache"}
    places[place] = tmp_path / "file" / "below"
    ran = headstart("fit", shapes, "--out", places["out"], "--cache", places["cache"])
    assert (ran.code, ran.out) == (2, "")
    assert f"could not write {tmp_path / 'file'}" in ran.complaint
    assert not (tmp_path / "good").exists()


def test_an_older_classifier_is_replaced(fit, shapes, tmp_path):
    first = fit(shapes, tmp_path / "out")
    second = fit(shapes, tmp_path / "out", "--head", "nearest-mean")
    assert (first.code, second.code) == (0, 0)
    assert second.json["chosen"]["head"] == "nearest-mean"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"own-cache", "out"}, "nothing is left over beside it"
