"""The tour of docs/tour.md: learn, sort, serve, bulk, export; one answer everywhere."""

import csv
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from headstart.serving.server import Server, Settings

CLOSE = 1e-5


@pytest.fixture(scope="module")
def inbox(tmp_path_factory, draw_folder):
    """Pictures in no order, some of one name, and files that are none."""
    made = tmp_path_factory.mktemp("made")
    draw_folder(made, start=1500, stripes=5, blobs=4)
    folder = tmp_path_factory.mktemp("pictures") / "inbox"
    for number, picture in enumerate(sorted(made.rglob("*.png"))):
        place = folder / str(number % 3)
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, place / f"IMG_{number // 3}.png")
    (folder / "0" / "page.jpg").write_text("<!doctype html><html>404</html>")
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture(scope="module")
def served(bundle):
    server = Server(bundle, Settings(port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for _ in range(500):
            try:
                client.get("/readyz")
                break
            except httpx.TransportError:
                time.sleep(0.02)
        yield client
    server.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def asked(headstart, bundle, inbox):
    """What `predict` says: label to probability, for each picture of the inbox."""
    ran = headstart("predict", bundle, inbox, "--json")
    assert ran.code == 3  # one file is no picture
    return {
        row["path"]: {one["label"]: one["probability"] for one in row["ranking"]}
        for row in ran.json
        if row["label"]
    }


def same(ranking, expected):
    return {one["label"]: one["probability"] for one in ranking} == pytest.approx(
        expected, abs=CLOSE
    )


def test_the_inbox_is_sorted_and_put_back(headstart, bundle, inbox, asked, tmp_path, state_of):
    before, to = state_of(inbox), tmp_path / "sorted"
    ran = headstart("sort", bundle, inbox, to, "--json")
    assert ran.code == 3
    assert state_of(inbox) == before
    with (to / "headstart-sort.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(asked) + 1
    for path, probabilities in asked.items():
        row = rows[str(Path(path).relative_to(inbox))]
        assert float(row["probability"]) == pytest.approx(max(probabilities.values()), abs=CLOSE)
        assert (to / row["destination"]).read_bytes() == Path(path).read_bytes()
    assert headstart("sort", bundle, inbox, to, "--undo", "--json").code == 0
    assert not [path for path in to.rglob("*") if path.suffix == ".png"]
    assert state_of(inbox) == before


def test_the_page_and_the_same_answers_over_http(served, asked, inbox):
    assert "<h1" in served.get("/").text
    for path, expected in asked.items():
        with open(path, "rb") as file:
            answer = served.post("/predict", files={"file": file})
        assert answer.status_code == 200
        assert same(answer.json()[0]["ranking"], expected)


def test_the_same_answers_in_bulk(headstart, bundle, inbox, asked, tmp_path):
    ran = headstart("predict", bundle, inbox, "--out", tmp_path / "all.parquet", "--json")
    assert ran.code == 3
    rows = pq.read_table(tmp_path / "all.parquet").to_pylist()
    assert {row["path"] for row in rows if row["label"]} == set(asked)
    assert all(same(row["ranking"], asked[row["path"]]) for row in rows if row["label"])


@pytest.mark.long
def test_the_same_answers_elsewhere(headstart, bundle, asked, tmp_path):
    assert headstart("export", bundle, "--to", "onnx", "--out", tmp_path / "made").code == 0
    elsewhere = tmp_path / "elsewhere"
    shutil.move(tmp_path / "made", elsewhere)
    command = [sys.executable, str(elsewhere / "predict.py"), *asked]
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path)
    for line, expected in zip(done.stdout.splitlines(), asked.values(), strict=True):
        assert json.loads(line)["probabilities"] == pytest.approx(expected, abs=CLOSE)


def test_the_nearest_training_pictures(headstart, bundle, asked, shapes):
    path = next(iter(asked))
    rows = headstart("similar", bundle, path, "--count", 3, "--json").json
    assert len(rows[0]["neighbours"]) == 3
    assert all((shapes / one["id"]).is_file() for one in rows[0]["neighbours"])
