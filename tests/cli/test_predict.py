"""`headstart predict`: every way in, every way out."""

import csv
import io
import os
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

KEYS = {"path", "label", "probability", "ranking", "unsure", "reason"}


@pytest.fixture
def some(tmp_path, draw):
    """Three pictures, one of them in a folder, and a file that is none."""
    folder = tmp_path / "some"
    (folder / "deep").mkdir(parents=True)
    for name, kind in (("a.png", "blobs"), ("b.png", "stripes"), ("deep/c.png", "blobs")):
        draw(kind, 500).save(folder / name)
    (folder / "bad.jpg").write_bytes(b"<html>")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def predict(headstart, bundle):
    return lambda *arguments: headstart("predict", bundle, *arguments)


def test_json_is_one_array_and_its_keys_are_a_contract(predict, some):
    ran = predict(some / "a.png", "--json")
    assert (ran.code, ran.err) == (0, "")
    (row,) = ran.json
    assert row.keys() == KEYS
    assert row["path"] == str(some / "a.png")
    assert row["label"] == "blobs"
    assert [entry["label"] for entry in row["ranking"]] == ["blobs", "stripes"]
    assert row["probability"] == row["ranking"][0]["probability"]
    assert sum(entry["probability"] for entry in row["ranking"]) == pytest.approx(1)
    assert row["unsure"] == (row["reason"] is not None)


def test_a_folder_is_searched_through_and_what_is_bad_in_it_is_a_row(predict, some):
    ran = predict(some, "--json")
    assert ran.code == 3
    found = {os.path.relpath(row["path"], some): row["label"] for row in ran.json}
    assert found == {"a.png": "blobs", "b.png": "stripes", "bad.jpg": None, "deep/c.png": "blobs"}
    (bad,) = (row for row in ran.json if row["label"] is None)
    assert bad["reason"].startswith("not_an_image")
    assert bad["unsure"]
    assert bad["ranking"] == []
    assert "1 of 4 could not be used" in ran.err


def test_patterns(predict, some):
    found = [row["path"] for row in predict(some / "*.png", some / "d*", "--json").json]
    assert found == [str(some / name) for name in ("a.png", "b.png", "deep/c.png")]


def test_a_name_that_looks_like_a_pattern_is_a_name_first(predict, some):
    (some / "a.png").rename(some / "[ab].png")
    (row,) = predict(some / "[ab].png", "--json").json
    assert row["path"] == str(some / "[ab].png")


@pytest.mark.parametrize("name", ["missing.png", "n" * 300])
def test_what_is_not_there_is_a_row_with_a_reason(predict, tmp_path, name):
    ran = predict(tmp_path / name, "--json")
    assert ran.code == 3
    (row,) = ran.json
    assert row["label"] is None
    assert row["reason"].split(":")[0] in ("vanished", "unreadable")


def test_a_pattern_that_fits_nothing_is_an_error(predict, tmp_path):
    ran = predict(tmp_path / "no*.png", "--json")
    assert ran.code == 2
    assert "no file fits the pattern" in ran.err


def test_a_pattern_is_looked_at_before_any_picture_is_read(predict, some):
    ran = predict(some, some / "no*.png", "--json")
    assert ran.code == 2
    assert ran.json == []


@pytest.fixture
def predict_listed(predict, monkeypatch):
    def call(listed, *options):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
        return predict("-", *options)

    return call


def test_a_picture_on_standard_input_is_no_list(predict_listed, some):
    ran = predict_listed((some / "a.png").read_bytes(), "--json")
    assert ran.code == 2
    assert "holds a picture, not names of pictures" in ran.complaint


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_a_list_on_standard_input(predict_listed, some, end):
    strange = os.fsencode(some) + b"/caf\xe9\x0c\xe2\x80\xa8.png"
    shutil.copy(some / "a.png", strange)
    names = [strange, os.fsencode(some / "b.png"), b"missing.png"]
    ran = predict_listed(end.join([*names, b""]), "--json")
    assert ran.code == 3
    assert [os.fsencode(row["path"]) for row in ran.json] == names
    assert [row["label"] for row in ran.json] == ["blobs", "stripes", None]


def test_a_name_with_a_newline_in_a_list_of_zero_bytes(predict_listed, some):
    (some / "a.png").rename(some / "two\nlines.png")
    ran = predict_listed(os.fsencode(some / "two\nlines.png") + b"\0")
    assert ran.code == 0
    assert r"two\nlines.png: blobs" in ran.out
    assert len(ran.out.splitlines()) == 1


def test_for_a_person_one_line_a_picture(predict, some):
    ran = predict(some)
    lines = ran.out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"{some / 'a.png'}: ")
    assert "blobs" in lines[0]
    assert " %" in lines[0]
    assert lines[2] == (f"{some / 'bad.jpg'}: not usable: not_an_image: looks like an HTML page")


def test_quiet_prints_the_answers_alone(predict, some):
    ran = predict(some, "--quiet")
    assert (ran.code, ran.err) == (3, "")
    assert len(ran.out.splitlines()) == 4


def test_csv(predict, some):
    (some / "a.png").rename(some / 'quote".png')
    ran = predict(some, "--csv")
    assert ran.code == 3
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert rows[0].keys() == KEYS
    by_name = {os.path.relpath(row["path"], some): row for row in rows}
    assert by_name.keys() == {'quote".png', "b.png", "bad.jpg", "deep/c.png"}
    assert by_name['quote".png']["label"] == "blobs"
    assert 0.5 < float(by_name["b.png"]["probability"]) <= 1
    assert by_name["bad.jpg"]["label"] == by_name["bad.jpg"]["probability"] == ""
    assert by_name["bad.jpg"]["reason"].startswith("not_an_image")


def test_parquet(predict, some, tmp_path):
    ran = predict(some, "--parquet", tmp_path / "answers.parquet")
    assert (ran.code, ran.out) == (3, "")
    rows = pq.read_table(tmp_path / "answers.parquet").to_pylist()
    assert [row["label"] for row in rows] == ["blobs", "stripes", None, "blobs"]
    assert rows[0].keys() == {*KEYS, "distance"}
    assert rows[0]["ranking"][0].keys() == {"label", "probability"}
    assert rows[2]["ranking"] == []


def test_a_folder_of_results_is_counted(predict, some, tmp_path):
    place = ("--out", tmp_path / "out", "--rows-per-shard", 2)
    ran = predict(some, *place, "--shard", "1/2", "--json")
    assert (ran.code, ran.json["finished"], ran.json["missing"]) == (3, False, 1)
    assert "1 of 2 shards is left to other runs" in ran.err
    ran = predict(some, *place, "--finish", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.complaint == "1 of 2 shards is not done, as part-00000-of-00002.parquet"
    ran = predict(some, *place, "--json")
    assert ran.code == 3
    assert ran.json == {
        "out": str(tmp_path / "out"),
        "finished": True,
        "rows": 4,
        "unusable": 1,
        "labels": {"blobs": 2, "stripes": 1},
        "reasons": ran.json["reasons"],
        "shards": 2,
        "computed": 1,
        "reused": 1,
        "missing": 0,
    }
    assert predict(some, *place, "--finish", "--quiet").err == ""


def test_a_list_a_table_and_a_url_are_read_for_every_output(predict, some, tmp_path):
    (tmp_path / "list.txt").write_text(f"{some / 'a.png'}\nfile://{some / 'b.png'}\n")
    pq.write_table(pa.table({"data": [(some / "b.png").read_bytes()]}), tmp_path / "t.parquet")
    ran = predict(tmp_path / "list.txt", tmp_path / "t.parquet", f"file://{some}/deep", "--json")
    assert ran.code == 0
    assert [row["label"] for row in ran.json] == ["blobs", "stripes", "stripes", "blobs"]
    assert ran.json[1]["probability"] == ran.json[2]["probability"]
    assert ran.json[2]["path"] == f"{tmp_path / 't.parquet'}#0"


def test_top_shortens_the_ranking(predict, some):
    (row,) = predict(some / "a.png", "--json", "--top", "1").json
    assert [entry["label"] for entry in row["ranking"]] == ["blobs"]
    assert "stripes" not in predict(some / "a.png", "--top", "1").out
    assert predict(some / "a.png", "--top", "0").code == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no pictures were named"),
        (["{tmp}"], "no pictures in"),
        (["x.png", "--json", "--csv"], "two output formats"),
        (["x.png", "--shard", "0/2"], "have no effect"),
        (["x.png", "--out", "{tmp}/x.parquet", "--engine", "ray"], "one file"),
        (["x.png", "--out", "{tmp}/x.csv"], "would be a folder of Parquet files"),
    ],
)
def test_wrong_calls(predict, tmp_path, arguments, complaint):
    ran = predict(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert ran.code == 2
    assert complaint in ran.complaint


@pytest.mark.parametrize("given", ["2/2", "3", "-1/2", "a/b"])
def test_a_shard_that_is_none(predict, tmp_path, given):
    ran = predict("x.png", "--out", tmp_path / "out", "--shard", given)
    assert (ran.code, ran.out) == (2, "")
    assert "is not of the form I/N" in ran.err


def test_a_bundle_that_is_none(headstart, tmp_path, some):
    ran = headstart("predict", tmp_path, some)
    assert (ran.code, ran.out) == (2, "")
    assert "holds no saved classifier" in ran.complaint


def test_a_parquet_file_that_cannot_be_written_is_not_left_half(predict, some, tmp_path):
    (tmp_path / "file").touch()
    ran = predict(some, "--parquet", tmp_path / "file" / "answers.parquet")
    assert ran.code == 2
    assert "could not write" in ran.complaint


def test_what_the_output_cannot_hold_is_spelled_out(program, bundle, some):
    (some / "a.png").rename(some / "Käse.png")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = program("predict", bundle, some / "Käse.png", "--csv", env=environment)
    assert ran.code == 0
    assert r"K\xe4se.png,blobs," in ran.out


def test_bars_are_drawn_to_scale_below_each_picture(predict, some):
    ran = predict(some / "a.png", "--bars")
    _, first, second = ran.out.splitlines()
    share = float(first.split()[1])
    assert first.startswith("  blobs ") and first.count("█") == round(0.4 * share)
    assert second.startswith("  stripes ")
    assert "--bars" in predict(some / "a.png", "--bars", "--json").complaint
