"""`headstart fit`: what it prints, where, and its exit codes."""

import json

import pytest


@pytest.fixture
def fit(headstart, tmp_path):
    def call(pictures, *options):
        return headstart("fit", pictures, "--out", tmp_path / "out.headstart", *options)

    return call


def test_json_is_one_value_and_its_keys_are_a_contract(fit, shapes, tmp_path):
    ran = fit(shapes, "--head", "ridge", "--head", "neighbors", "--json")
    assert ran.code == 0
    receipt = ran.json
    assert receipt["bundle"] == str(tmp_path / "out.headstart")
    assert {"accuracy", "interval", "num_images"} <= receipt["test"].keys()
    low, high = receipt["test"]["interval"]
    assert 0 <= low <= receipt["test"]["accuracy"] <= high <= 1
    keys = {"backbone", "strategy", "head", "tap", "train_from", "tuning"}
    assert receipt["chosen"].keys() == keys
    assert {row["head"] for row in receipt["candidates"]} == {"ridge", "neighbors"}
    for row in receipt["candidates"]:
        assert {"name", "score", "interval", "seconds"} <= row.keys()
    assert sum(row["chosen"] for row in receipt["candidates"]) == 1
    assert sum(receipt["features"].values()) == 44
    assert receipt["features"].keys() == {"computed", "reused"}
    assert receipt["unusable"] == []
    assert receipt["seconds"] > 0
    kept = json.loads((tmp_path / "out.headstart" / "receipt.json").read_text())
    assert {**kept, "seconds": 0} == {**receipt, "seconds": 0}
    assert "44 pictures" in ran.err


def test_for_a_person_everything_is_on_standard_error(fit, shapes, tmp_path):
    ran = fit(shapes, "--head", "ridge")
    assert (ran.code, ran.out) == (0, "")
    for word in ("blobs 20", "ridge", "← chosen", "test pictures", "headstart predict"):
        assert word in ran.err


def test_quiet_is_silent(fit, shapes, tmp_path):
    ran = fit(shapes, "--head", "ridge", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "out.headstart" / "bundle.json").exists()


def test_quiet_json_is_json_alone(fit, shapes):
    ran = fit(shapes, "--head", "ridge", "--quiet", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["chosen"]["head"] == "ridge"


@pytest.mark.long
def test_some_pictures_that_cannot_be_used(fit, shapes, tmp_path, draw_folder):
    pictures = draw_folder(tmp_path / "pictures", stripes=6, blobs=6)
    (pictures / "blobs" / "bad.jpg").write_bytes(b"<html>")
    ran = fit(pictures, "--head", "ridge", "--json")
    assert ran.code == 3
    (row,) = ran.json["unusable"]
    assert (row["path"], row["reason"]) == ("blobs/bad.jpg", "not_an_image")
    again = fit(pictures, "--head", "ridge")
    assert again.code == 3
    assert "1 could not be used (not_an_image 1)" in again.err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--head", "rigde"], "unknown head 'rigde'"),
        (["--seed", "-1"], "seed is -1"),
        (["--threads", "0"], "threads is 0"),
        (["--folds", "1"], "num_folds is 1"),
        (["--merge", "cat"], "--merge 'cat'"),
        (["--label-column", "x"], "--label-column has no effect"),
        (["--weights", "nowhere.pth"], "no weights file at"),
    ],
)
def test_wrong_settings(fit, shapes, tmp_path, options, complaint):
    ran = fit(shapes, *options)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.complaint
    assert not (tmp_path / "out.headstart").exists()


def test_the_command_for_a_found_rate_has_the_place(headstart, fit, tmp_path, monkeypatch):
    from headstart.workflows import finding_rate

    found = finding_rate.FoundRate("top1", 1e-3, (), (), tmp_path / "plot.svg")
    monkeypatch.setattr(finding_rate, "find_rate", lambda *_: found)
    rest = "--train-from top1 --learning-rate 1.0e-03\n"
    out = tmp_path / "out.headstart"
    assert f"try: headstart fit pets --out {out} {rest}" in fit("pets", "--find-lr").err
    assert f"try: headstart fit pets {rest}" in headstart("fit", "pets", "--find-lr").err


def test_a_wrong_path_makes_no_folders(headstart, tmp_path):
    ran = headstart("fit", tmp_path / "misspelled" / "pets")
    assert ran.code == 2
    assert "there is no" in ran.complaint
    assert not (tmp_path / "misspelled").exists()


def test_a_word_where_a_number_belongs(fit, shapes):
    ran = fit(shapes, "--folds", "many")
    assert (ran.code, ran.out) == (2, "")
    assert "not a valid integer" in ran.err
