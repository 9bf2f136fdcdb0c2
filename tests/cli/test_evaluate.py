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


def test_near_copies_of_training_pictures_are_known(evaluate, fresh, shapes):
    for kind in ("blobs", "stripes"):
        for path in sorted((shapes / kind).glob("*"))[:8]:
            PIL.Image.open(path).save(fresh / kind / f"again_{path.stem}.webp", quality=90)
    ran = evaluate(fresh, "--json").json
    assert ran["seen_in_training"] == 0
    # A fifth of the pictures took no part in training.
    assert 8 <= ran["like_training"] <= 16
    assert ran["test"]["without_leakage"]["num_images"] == 26 - ran["like_training"]
    assert (
        f"{ran['like_training']} more are near copies of training pictures" in evaluate(fresh).out
    )


def test_group_mates_of_training_pictures_are_known(headstart, draw_folder, tmp_path):
    train = draw_folder(tmp_path / "train", stripes=12, blobs=12)
    fresh = draw_folder(tmp_path / "fresh", start=600, stripes=6, blobs=6)
    for folder, patients in ((train, range(6)), (fresh, range(4, 7))):
        for place, path in enumerate(sorted(folder.rglob("*.png"))):
            path.rename(path.with_name(f"p{patients[place % len(patients)]}_{path.name}"))
    pattern = ("--group-pattern", r"(p\d+)_")
    made = headstart("fit", train, *pattern, "--strategy", "freeze", "--out", tmp_path / "b")
    assert made.code == 0, made.complaint
    ran = headstart("evaluate", tmp_path / "b", fresh, *pattern, "--json").json
    # Of patients 4 and 5 one at least was learnt from, and nobody has seen patient 6.
    assert ran["like_training"] in (4, 8)
    assert headstart("evaluate", tmp_path / "b", fresh, "--json").json["like_training"] == 0


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
