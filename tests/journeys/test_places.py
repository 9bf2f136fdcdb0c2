"""Where results go, and where they must not."""

import shutil

import pytest

import headstart as hs


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


def test_an_older_classifier_is_replaced(headstart, bundle, shapes, tmp_path):
    older = shutil.copytree(bundle, tmp_path / "out")
    ran = headstart("fit", shapes, "--out", older, "--head", "nearest-mean", "--json")
    assert ran.json["chosen"]["head"] == "nearest-mean"
    assert hs.load(older).record.head["name"] == "nearest-mean"
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"
