"""Fit, predict, evaluate; fit again: what is known is not computed, what is equal stays equal."""

import json

import pytest

import headstart as hs

SAME = ("results.json", "split.csv", "unreadable.csv")


@pytest.mark.long
def test_from_pictures_to_predictions_and_back_again(fit, headstart, draw, draw_folder, tmp_path):
    pictures = draw_folder(tmp_path / "pictures", start=900, stripes=10, blobs=10)
    out = tmp_path / "out.headstart"
    first = fit(pictures, out).json
    assert first["features"] == {"computed": 20, "reused": 0}

    draw("stripes", 990).save(tmp_path / "new.png")
    (row,) = headstart("predict", out, tmp_path / "new.png", "--json").json
    assert row["label"] == "stripes"

    fresh = draw_folder(tmp_path / "fresh", start=950, stripes=3, blobs=3)
    judged = headstart("evaluate", out, fresh, "--json").json
    assert judged["test"]["num_images"] == 6
    assert judged["test"]["accuracy"] == hs.evaluate(out, fresh).accuracy

    renamed = pictures.rename(tmp_path / "renamed")
    (renamed / "blobs").rename(renamed / "dots")
    again = fit(renamed, out).json
    assert again["features"] == {"computed": 0, "reused": 20}
    assert again["test"]["accuracy"] == first["test"]["accuracy"]
    assert hs.load(out).class_names == ("dots", "stripes")

    draw_folder(renamed, start=930, stripes=3)
    assert fit(renamed, out).json["features"] == {"computed": 3, "reused": 20}


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(headstart, shapes, tmp_path):
    for name, seed, threads in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        options = ("--head", "ridge", "--quiet", "--seed", seed, "--threads", threads)
        assert headstart("fit", shapes, "--out", tmp_path / name, *options).code == 0

    def content(name):
        return [(tmp_path / name / file).read_bytes() for file in SAME]

    assert content("a") == content("b")
    assert content("a")[1] != content("c")[1]

    def receipt(name):
        found = json.loads((tmp_path / name / "receipt.json").read_text())
        for row in (found, *found["candidates"]):
            del row["seconds"]
        del found["matrix"]["trial_seconds"]
        return {key: found[key] for key in found.keys() - {"bundle", "features", "looks_at_test"}}

    def looks(name):
        return json.loads((tmp_path / name / "receipt.json").read_text())["looks_at_test"]

    assert receipt("a") == receipt("b")
    assert looks("b") == looks("a")  # the same answers: nothing new was seen
    classifier = hs.load(tmp_path / "a")
    assert json.loads(content("a")[0]) == receipt("a")["test"]
    assert classifier.test["accuracy"] == receipt("a")["test"]["accuracy"]
    assert "ridge on efficientnet_lite0, 2 classes" in repr(classifier)
