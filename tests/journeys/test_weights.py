"""Weights: random ones say so everywhere; unknown ones are refused with a way out."""

import pytest

import headstart as hs


def test_random_weights_say_so_everywhere(headstart, shapes, tiny, tmp_path, page_of):
    options = ("--backbone", tiny.name, "--weights", "random", "--head", "nearest-mean")
    out = tmp_path / "out"
    ran = headstart("fit", shapes, "--out", out, *options, "--json")
    assert ran.code == 0, ran.err
    assert "RANDOM WEIGHTS" in ran.err
    assert ran.json["backbone"]["pretrained"] is False
    assert "RANDOM" in ran.json["backbone"]["weights"]
    assert ran.json["recipe"]["weights"] == "random"
    assert "RANDOM WEIGHTS" in page_of(out).text
    assert hs.load(out).record.backbone["pretrained"] is False


@pytest.mark.long
def test_an_unknown_backbone(headstart, shapes, tmp_path, monkeypatch):
    # A module of this name must not be taken from where the user happens to be.
    (tmp_path / "timm.py").write_text("raise SystemExit('taken from the working folder')")
    arguments = ("fit", shapes, "--out", tmp_path / "out", "--backbone", "resnet5O")
    monkeypatch.chdir(tmp_path)
    ran = headstart(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "no backbone is called 'resnet5O'" in ran.complaint
    assert "did you mean" in ran.err
    assert "resnet50" in ran.err
    assert not (tmp_path / "out").exists()
