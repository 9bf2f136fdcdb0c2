"""`--max-error` and `--sets`, there and back through the program."""

import csv
import io
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import headstart as hs
from headstart.errors import BundleError, SettingError
from headstart.files import canonical_json, sha256, sha256_file
from headstart.model import bundle as bundles


@pytest.fixture
def older(bundle, tmp_path):
    """The bundle as it was written before held-out answers were kept in it."""
    folder = shutil.copytree(bundle, tmp_path / "older.headstart")
    arrays = bundles.read_arrays(folder)
    kept = {name: each for name, each in arrays.items() if not name.startswith("out_of_fold")}
    assert len(kept) < len(arrays)
    bundles.write_arrays(folder, kept)
    record = json.loads((folder / "bundle.json").read_text())
    del record["out_of_fold"], record["checksum"]
    file = folder / "head.safetensors"
    record["files"][file.name] = {"sha256": sha256_file(file), "bytes": file.stat().st_size}
    record["checksum"] = sha256(canonical_json(record).encode())
    (folder / "bundle.json").write_text(json.dumps(record))
    return folder


def test_an_older_bundle_predicts_as_before(older, bundle, shapes):
    picture = shapes / "blobs" / "blobs_00.png"
    assert hs.load(older).predict(picture) == hs.load(bundle).predict(picture)
    for wanted in ({"max_error": 0.1}, {"sets": 0.9}):
        with pytest.raises(BundleError, match="older version"):
            hs.load(older, **wanted)


@pytest.mark.long
def test_fit_keeps_what_it_promises(headstart, shapes, tmp_path):
    out = tmp_path / "out.headstart"
    ran = headstart("fit", shapes, "--out", out, "--head", "ridge", "--max-error", "25%", "--json")
    assert ran.code == 0, ran.err
    promised, measured = ran.json["unsure"], ran.json["test"]["unsure"]
    assert promised["max_error"] == ran.json["recipe"]["max_error"] == 0.25
    assert 0 < promised["coverage"] <= 1
    assert measured["num_answered"] <= ran.json["test"]["num_images"]
    classifier = hs.load(out)
    assert classifier.record.unsure.ambiguous_below == promised["ambiguous_below"]
    assert classifier.record.out_of_fold["coverage"] == promised["coverage"]
    again = hs.load(out, max_error=0.25)
    assert again.record.unsure == classifier.record.unsure


@pytest.mark.long
def test_fit_judges_as_the_written_classifier_does(headstart, shapes, draw_folder, tmp_path):
    test = draw_folder(tmp_path / "test", start=200, stripes=6, blobs=6)
    noise = np.random.default_rng(0).integers(256, size=(6, 64, 64, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):  # unlike anything in training
        Image.fromarray(pixels).save(test / "blobs" / f"noise_{number}.png")
    out = tmp_path / "out.headstart"
    ran = headstart("fit", shapes, "--test", test, "--out", out, "--head", "neighbors", "--json")
    measured = ran.json["test"]["unsure"]
    assert 0 < measured["num_answered"] < 18  # or nothing would be compared
    assert headstart("evaluate", out, test, "--json").json["test"]["unsure"] == measured


@pytest.mark.long
def test_another_error_later(headstart, bundle, shapes):
    ran = headstart("evaluate", bundle, shapes, "--max-error", "30%", "--json")
    loaded = hs.load(bundle, max_error=0.3)
    sure = [not each.unsure for each in hs.predict(loaded, shapes)]
    assert ran.json["test"]["unsure"]["coverage"] == pytest.approx(np.mean(sure), abs=1e-6)
    ran = headstart("predict", bundle, shapes / "blobs", "--max-error", "30%")
    assert "at most 30 % of the answers are wrong" in ran.err


def test_what_cannot_be_promised_is_refused_before_any_picture_is_read(headstart, bundle, tmp_path):
    for command in ("predict", "evaluate"):
        ran = headstart(command, bundle, tmp_path / "nothing", "--max-error", "0.1%")
        assert ran.code == 2
        assert "cannot be shown" in ran.complaint
    ran = headstart("predict", bundle, tmp_path / "nothing", "--sets", "99.9%")
    assert "cannot be made from" in ran.complaint


def test_fit_refuses_it_too_and_leaves_nothing(headstart, shapes, tmp_path):
    out = tmp_path / "out.headstart"
    ran = headstart("fit", shapes, "--out", out, "--head", "ridge", "--max-error", "0.1%")
    assert ran.code == 2
    assert "cannot be shown" in ran.complaint
    assert not out.exists()


def test_a_loaded_classifier_is_not_changed(bundle, shapes):
    with pytest.raises(SettingError, match="loaded already"):
        hs.evaluate(hs.load(bundle), shapes, max_error=0.3)
    with pytest.raises(SettingError, match="max_error"):
        hs.evaluate(bundle, shapes, max_error=1)


@pytest.mark.parametrize("wrong", [0, -1, 1, 5, True, "20%"])
@pytest.mark.parametrize("name", ["max_error", "sets"])
def test_no_share_is_refused_where_a_classifier_is_loaded(bundle, name, wrong):
    with pytest.raises(SettingError, match=name):
        hs.load(bundle, **{name: wrong})


def test_numbers_of_numpy_are_numbers(bundle):
    assert hs.load(bundle, max_error=np.float32(0.3), threads=np.int64(1)).class_names


@pytest.mark.parametrize("wrong", [0, -3, 1.5, "2", True])
def test_no_number_of_cores_is_refused_where_a_classifier_is_loaded(bundle, wrong):
    with pytest.raises(SettingError, match="threads"):
        hs.load(bundle, threads=wrong)


@pytest.mark.long
def test_sets_in_every_format(headstart, bundle, shapes, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"<html>")
    arguments = ("predict", bundle, shapes / "blobs" / "blobs_00.png", bad, "--sets", "90%")
    good, unusable = headstart(*arguments, "--json").json
    assert good["label"] == good["set"][0] == "blobs"
    assert unusable["set"] == []
    rows = list(csv.DictReader(io.StringIO(headstart(*arguments, "--csv").out)))
    assert [json.loads(row["set"]) for row in rows] == [good["set"], []]
    headstart(*arguments, "--parquet", tmp_path / "sets.parquet")
    assert pq.read_table(tmp_path / "sets.parquet")["set"].to_pylist() == [good["set"], []]
    ran = headstart(*arguments)
    assert f"{{{', '.join(good['set'])}}}" in ran.out
    assert "one standard deviation" in ran.err
    assert "set" not in headstart(*arguments[:-2], "--json").json[0]
