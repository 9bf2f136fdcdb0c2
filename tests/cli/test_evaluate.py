"""`headstart evaluate`: what it prints, where, and its exit codes."""

import shutil

import PIL.Image
import pytest

import headstart as hs
from headstart.errors import SettingError
from headstart.model.bundle import read_arrays, write_arrays, write_record


@pytest.fixture
def fresh(tmp_path, draw_folder):
    """Pictures that the classifier has not seen, but for one."""
    return draw_folder(tmp_path / "fresh", start=600, stripes=5, blobs=5)


@pytest.fixture
def evaluate(headstart, bundle):
    return lambda *arguments: headstart("evaluate", bundle, *arguments)


def test_json_is_one_value_and_its_keys_are_a_contract(evaluate, fresh):
    ran = evaluate(fresh, "--json")
    assert ran.code == 0
    test = ran.json["test"]
    assert test["num_images"] == 10
    assert [row["name"] for row in test["classes"]] == ["blobs", "stripes"]
    assert {"precision", "recall", "f1", "support"} <= test["classes"][0].keys()
    assert test["confusion"]["labels"] == ["blobs", "stripes"]
    matrix = test["confusion"]["matrix"]
    assert [sum(row) for row in matrix] == [5, 5]
    assert test["accuracy"] == pytest.approx((matrix[0][0] + matrix[1][1]) / 10)
    assert ran.json["unusable"] == []
    assert ran.json["seen_in_training"] == 0


def test_a_bundle_that_knows_pictures_by_another_digest_predicts_and_is_not_judged(
    headstart, bundle, fresh, tmp_path
):
    older = shutil.copytree(bundle, tmp_path / "older.headstart")
    record, arrays = hs.load(older).record, read_arrays(older)
    arrays["training_digests"] = arrays.pop("training_blake3")
    write_arrays(older, arrays)
    write_record(older, record)
    ran = headstart("evaluate", older, fresh)
    assert (ran.code, ran.out) == (2, "")
    assert "older version" in ran.complaint
    assert headstart("predict", older, fresh).code == 0


def test_pictures_that_were_learned_from_are_counted(evaluate, fresh, shapes):
    (fresh / "blobs").rename(fresh / "BLOBS")
    for kind, other in (("blobs", "BLOBS"), ("stripes", "stripes")):
        for path in (shapes / kind).iterdir():
            shutil.copy(path, fresh / other / f"copy_{path.name}")
    ran = evaluate(fresh, "--json")
    assert ran.code == 0
    assert 0 < ran.json["seen_in_training"] < 44
    clean = ran.json["test"]["without_leakage"]
    assert clean["num_images"] == 54 - ran.json["seen_in_training"]
    assert "stand in the training data" in evaluate(fresh).out


def test_copies_among_them_count_once(evaluate, fresh):
    alone = evaluate(fresh, "--json").json["test"]
    for path in list(fresh.rglob("*.png")):
        PIL.Image.open(path).save(path.with_suffix(".bmp"))
    both = evaluate(fresh, "--json").json["test"]
    assert both["num_images"] == 2 * alone["num_images"]
    assert both["interval"][0] <= alone["interval"][0]  # not as of twenty: 0.84


def test_for_a_person_and_quiet(evaluate, fresh):
    ran = evaluate(fresh)
    assert ran.code == 0
    for word in ("of 10", "blobs: precision", "recall", "balanced accuracy"):
        assert word in ran.out
    quiet = evaluate(fresh, "--quiet")
    assert (quiet.out, quiet.err) == ("", "")


def test_some_pictures_that_cannot_be_used(evaluate, fresh):
    (fresh / "blobs" / "bad.jpg").touch()
    ran = evaluate(fresh, "--json")
    assert ran.code == 3
    assert ran.json["unusable"] == [{"path": "blobs/bad.jpg", "reason": "empty", "detail": ""}]
    assert "1 could not be used (empty 1)" in evaluate(fresh).err


def test_nothing_can_be_used(evaluate, fresh):
    for path in fresh.rglob("*.png"):
        path.write_bytes(b"<html>")
    ran = evaluate(fresh)
    assert ran.code == 2
    assert "none of the 10 pictures" in ran.complaint


def test_a_class_that_it_does_not_know(evaluate, fresh):
    (fresh / "stripes").rename(fresh / "strips")
    ran = evaluate(fresh)
    assert ran.code == 2
    assert "knows no class 'strips'" in ran.complaint
    assert "--merge 'strips=stripes'" in ran.err
    merged = evaluate(fresh, "--merge", "strips=stripes", "--json")
    assert merged.code == 0
    assert merged.json["test"]["num_images"] == 10


def test_the_folder_of_one_class_itself(evaluate, fresh):
    ran = evaluate(fresh / "blobs", "--json")
    assert ran.code == 0
    assert ran.json["test"]["num_images"] == 5
    assert ran.json["test"]["accuracy"] == 1


def test_labels_of_another_problem(evaluate, fresh):
    for kind in ("blobs", "stripes"):
        (fresh / kind).rename(fresh / f"x{kind[0]}")
    ran = evaluate(fresh)
    assert ran.code == 2
    assert "2 of 2 labels are unknown" in ran.complaint
    assert "headstart predict, which needs no labels" in ran.err


def test_the_test_part_is_judged_where_there_is_one(evaluate, fresh, tmp_path, draw_folder):
    whole = tmp_path / "whole"
    fresh.rename(tmp_path / "test")
    (tmp_path / "test").rename((whole.mkdir() or whole) / "test")
    draw_folder(whole / "train", start=700, stripes=3, blobs=3)
    ran = evaluate(whole, "--json")
    assert ran.json["test"]["num_images"] == 10
    assert "judged on the 10 pictures of its test part" in ran.err


def test_what_has_no_effect_is_refused_in_python_too(bundle, fresh):
    assert hs.evaluate(bundle, fresh, seed=1).num_images == 10
    with pytest.raises(SettingError, match="heads has no effect"):
        hs.evaluate(bundle, fresh, heads=("ridge",))
