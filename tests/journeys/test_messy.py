"""A folder as people have them: nothing is touched, nothing is skipped in silence."""

import csv
import io
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HOSTILE = "<img src=x onerror=alert(1)>"
# That of the fixture `tiny`.
NETWORK = ("--backbone", "test_efficientnet", "--weights", "random")
# Every file that cannot be used, and why.
BAD = {
    "blobs/cut.jpg": "truncated",
    "blobs/nothing.png": "empty",
    "blobs/page.jpg": "not_an_image",
    f"stripes/{HOSTILE}.jpg": "not_an_image",
    "stripes/two\nlines.jpg": "empty",
    "stripes/'quoted\",comma.jpg": "empty",
    "stripes/\x1b[31mred.jpg": "empty",
    os.fsdecode(b"stripes/caf\xe9-bad.jpg"): "empty",
    "stripes/link.jpg": "vanished",
}


def make(folder: Path, draw, draw_folder) -> None:
    draw_folder(folder, start=1100, blobs=10, stripes=10)
    for number in range(6):
        for name in (HOSTILE, os.fsdecode(b"caf\xe9 class")):
            (folder / name).mkdir(exist_ok=True)
            draw(name.encode("utf-8", "replace").decode(), number).save(
                folder / name / f"{number}.png"
            )
    blobs, stripes = folder / "blobs", folder / "stripes"
    draw("blobs", 1200).save(blobs / "a.png")
    (blobs / "a.png").rename(blobs / "png.jpg")
    frames = [draw("blobs", number) for number in (1201, 1202)]
    frames[0].save(blobs / "animated.gif", save_all=True, append_images=frames[1:])
    deep = np.asarray(draw("blobs", 1203).convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(blobs / "deep.png")
    draw("blobs", 1204).convert("RGBA").save(blobs / "with alpha.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    draw("blobs", 1205).save(blobs / "turned.jpg", exif=turned)
    draw("stripes", 1206).save(stripes / "two\nlines.png")
    draw("stripes", 1207).save(stripes / 'it\'s "quoted", is it.png')
    draw("stripes", 1208).save(stripes / f"{HOSTILE}.png")
    draw("stripes", 1209).save(stripes / "cafe.png")
    os.rename(os.fsencode(stripes / "cafe.png"), os.fsencode(stripes) + b"/caf\xe9.png")
    draw("stripes", 1210).save(stripes / "whole.jpg", quality=95)
    (blobs / "cut.jpg").write_bytes((stripes / "whole.jpg").read_bytes()[:1500])
    for place, reason in BAD.items():
        if reason == "empty":
            (folder / place).touch()
        elif reason == "not_an_image":
            (folder / place).write_text("<!doctype html><html><body>404</body></html>")
    (stripes / "link.jpg").symlink_to("gone.jpg")
    (folder / "notes.txt").write_text("my notes")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "blobs" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / ".hidden").mkdir()
    shutil.copy(stripes / "whole.jpg", folder / ".hidden" / "x.jpg")


@pytest.fixture(scope="module")
def messy(tmp_path_factory, draw, draw_folder):
    folder = tmp_path_factory.mktemp("messy") / "messy"
    make(folder, draw, draw_folder)
    return folder


@pytest.fixture(scope="module")
def run(messy, program, state_of, tiny):
    """One fit in a process of its own, and the tree before and after it."""
    before = state_of(messy)
    ran = program("fit", messy, *NETWORK, "--head", "ridge", "--json")
    return ran, before, state_of(messy)


@pytest.fixture(scope="module")
def out(run):
    return Path(run[0].json["bundle"])


@pytest.mark.long
def test_it_ends_with_a_classifier_and_says_that_some_were_bad(run, messy, out):
    ran = run[0]
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    assert out == messy.with_name("messy.headstart")
    counts = {row["name"]: row["support"] for row in ran.json["test"]["classes"]}
    assert counts.keys() == {"blobs", "stripes", HOSTILE, os.fsdecode(b"caf\xe9 class")}
    assert sum(ran.json["features"].values()) == 10 + 10 + 12 + 5 + 5


def test_every_bad_file_is_listed_with_its_reason(run, out):
    assert {row["path"]: row["reason"] for row in run[0].json["unusable"]} == BAD
    with (out / "unreadable.csv").open(newline="", encoding="utf-8") as file:
        listed = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    spelled = {path.encode("utf-8", "backslashreplace").decode(): BAD[path] for path in BAD}
    assert listed == spelled


def test_the_report_lists_them_and_their_names_do_no_harm(out, page_of):
    page = page_of(out)
    for path in BAD:
        assert " ".join(path.encode("utf-8", "backslashreplace").decode().split()) in " ".join(
            page.text.split()
        )
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "iframe", "object", "link", "form"})
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        if tag == "img":
            assert (attributes["src"] or "").startswith("data:image/")


def test_nothing_of_the_users_was_touched(run):
    _, before, after = run
    assert before == after


def test_names_command_no_terminal(run):
    assert "\x1b" not in run[0].err
    assert "\x1b" not in run[0].out


def test_the_odd_but_readable_ones_were_learned_from(out):
    raw = (out / "split.csv").read_bytes()
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline="")))
    names = {os.fsencode(row[0]) for row in rows[1:]}
    for name in ("blobs/png.jpg", "blobs/animated.gif", "blobs/deep.png", "blobs/with alpha.png"):
        assert name.encode() in names
    assert {b"stripes/caf\xe9.png", b"stripes/two\nlines.png", b"caf\xe9 class/0.png"} <= names
    assert not any(b"hidden" in name or b"notes" in name for name in names)
    assert not names & {os.fsencode(path) for path in BAD}


def test_the_split_is_read_again_with_all_its_names(headstart, messy, out, tmp_path):
    again = headstart(
        *("fit", out / "split.csv", "--images", messy, "--out", tmp_path / "again"),
        *NETWORK,
        *("--head", "ridge", "--json"),
    )
    assert again.json["features"]["computed"] == 0
    assert (tmp_path / "again" / "split.csv").read_bytes() == (out / "split.csv").read_bytes()


@pytest.mark.parametrize("form", ["--json", "--csv", "--quiet"])
def test_prediction_gives_a_row_for_each(headstart, messy, out, form):
    ran = headstart("predict", out, messy, form)
    assert ran.code == 3
    if form == "--json":
        found = {os.path.relpath(row["path"], messy): row for row in ran.json}
        assert {name for name, row in found.items() if row["label"] is None} == BAD.keys()
        assert len(found) == len(BAD) + 42
    elif form == "--csv":
        assert len(list(csv.DictReader(io.StringIO(ran.out)))) == len(BAD) + 42
    else:
        assert len(ran.out.splitlines()) == len(BAD) + 42
        assert "\x1b" not in ran.out


def test_prediction_to_parquet(headstart, messy, out, tmp_path):
    import pyarrow.parquet as pq

    ran = headstart("predict", out, messy, "--parquet", tmp_path / "x.parquet", "--quiet")
    assert (ran.code, ran.err) == (3, "")
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.num_rows == len(BAD) + 42
    ranking = table.column("ranking")[0].as_py()
    assert {row["label"] for row in ranking} >= {"blobs", HOSTILE, r"caf\udce9 class"}


def test_check_and_evaluate_name_them_too(headstart, messy, out):
    checked = headstart("check", messy, "--json")
    assert checked.code in (0, 1)
    counts = {finding["kind"]: finding["count"] for finding in checked.json["findings"]}
    assert {kind: counts[kind] for kind in BAD.values()} == Counter(BAD.values())
    judged = headstart("evaluate", out, messy, "--json")
    assert judged.code == 3
    assert {row["path"]: row["reason"] for row in judged.json["unusable"]} == BAD
    assert judged.json["test"]["num_images"] == 42
