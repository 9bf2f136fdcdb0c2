"""Whole jobs: one file, a folder, parts of a job, and what is found when one is run again."""

import json
import random
import shutil
import subprocess
import sys
import textwrap

import pytest

import headstart as hs
from headstart.bulk.job import predict_bulk
from headstart.errors import SettingError
from headstart.files import sha256_file
from headstart.progress import Silent


@pytest.fixture
def run(bundle, pictures, tmp_path):
    """A job of twelve pictures in three shards."""

    def call(**options):
        given = {"rows_per_shard": 5} | options
        return predict_bulk(bundle, pictures, tmp_path / "out", **given)

    return call


class Heard(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_a_folder_of_results(run, tmp_path, rows_of, must_be_expected):
    bulk = run()
    assert bulk.finished
    counts = (bulk.shards, bulk.computed, bulk.reused, bulk.missing)
    assert counts == (3, 3, 0, ())
    must_be_expected(rows_of(tmp_path / "out"))
    success = json.loads((tmp_path / "out" / "_SUCCESS.json").read_text())
    assert (success["rows"], success["unusable"]) == (12, 1)
    assert success["labels"] == {"blobs": 5, "stripes": 6}
    assert success["reasons"]["not_an_image"] == 1
    for part in success["parts"]:
        assert sha256_file(tmp_path / "out" / part["name"]) == part["sha256"]
    assert [part["rows"] for part in success["parts"]] == [5, 5, 2]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(part["name"] for part in success["parts"]),
        "_SUCCESS.json",
        "_plan",
    }


def test_one_shard_is_spoken_of_as_one(run):
    heard = Heard()
    run(rows_per_shard=12, progress=heard)
    run(rows_per_shard=12, progress=heard)
    assert heard.lines == [
        "planned: 12 pictures in 1 shard",
        "planned before: 12 pictures in 1 shard",
        "1 shard stands there already",
    ]


def test_pandas_reads_the_folder_as_one_table(run, tmp_path):
    pandas = pytest.importorskip("pandas")
    run()
    table = pandas.read_parquet(tmp_path / "out")
    assert len(table) == 12
    assert table.label.value_counts().to_dict() == {"stripes": 6, "blobs": 5}


def test_one_file(bundle, pictures, tmp_path, rows_of, must_be_expected):
    bulk = predict_bulk(bundle, pictures, tmp_path / "x.parquet")
    assert (bulk.finished, bulk.counts.rows, bulk.counts.unusable) == (True, 12, 1)
    must_be_expected(rows_of(tmp_path / "x.parquet"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match="no pictures"):
        predict_bulk(bundle, tmp_path / "empty", tmp_path / "x.parquet")
    assert len(rows_of(tmp_path / "x.parquet")) == 12


def test_run_again_it_does_nothing(run, tmp_path):
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    bulk = run()
    assert (bulk.computed, bulk.reused, bulk.counts.rows) == (0, 3, 12)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")} == before


@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_part_is_done_again(run, tmp_path, rows_of, must_be_expected, finished):
    run()
    out = tmp_path / "out"
    part = out / "part-00001-of-00003.parquet"
    whole = part.read_bytes()
    if not finished:
        (out / "_SUCCESS.json").unlink()
    damaged = bytearray(whole)
    damaged[30] ^= 1  # in the first page
    for content in (damaged, whole[:-5], b"", (out / "part-00000-of-00003.parquet").read_bytes()):
        part.write_bytes(content)
        bulk = run()
        assert (bulk.computed, bulk.reused, bulk.finished) == (1, 2, True)
        assert part.read_bytes() == whole
    part.unlink()
    assert run().computed == 1
    must_be_expected(rows_of(out))


def test_any_damage_to_a_finished_job_is_seen(run, tmp_path, monkeypatch):
    from headstart.bulk import job

    run()
    plan = job.planned.__globals__["read"](tmp_path / "out")
    known = job._finished(plan)
    part = tmp_path / "out" / "part-00000-of-00003.parquet"
    whole = part.read_bytes()
    draw_lots = random.Random(0)
    for _ in range(50):
        damaged = bytearray(whole)
        damaged[draw_lots.randrange(len(whole))] ^= 1 << draw_lots.randrange(8)
        part.write_bytes(damaged)
        assert not list(job._whole(plan, [0], known))
    part.write_bytes(whole)
    assert len(list(job._whole(plan, [0], known))) == 1


def test_parts_of_a_job_make_a_whole(run, tmp_path, rows_of, must_be_expected):
    first = run(shard=(1, 2))
    assert (first.finished, first.computed, first.missing) == (False, 1, (0, 2))
    assert not (tmp_path / "out" / "_SUCCESS.json").exists()
    with pytest.raises(SettingError, match="2 of 3 shards are not done, as part-00000-of-00003"):
        run(finish=True)
    last = run(shard=(0, 2))
    assert (last.finished, last.computed, last.counts.rows) == (True, 2, 12)
    must_be_expected(rows_of(tmp_path / "out"))
    (tmp_path / "out" / "_SUCCESS.json").unlink()
    assert run(finish=True).finished
    assert (tmp_path / "out" / "_SUCCESS.json").exists()
    assert run(shard=(5, 9)).finished  # more runs than shards


def test_a_job_that_is_not_whole_any_more_is_not_called_done(run, tmp_path):
    run()
    (tmp_path / "out" / "part-00000-of-00003.parquet").unlink()
    assert not run(shard=(1, 3)).finished


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"shard": (2, 2)}, "shard 2/2"),
        ({"engine": "dask"}, "engine 'dask'"),
        ({"engine": "ray", "out": "x.parquet"}, "one file"),
        ({"shard": (0, 2), "out": "x.parquet"}, "one file"),
        ({"finish": True, "out": "x.parquet"}, "one file"),
        ({"rows_per_shard": 5, "out": "x.parquet"}, "one file"),
    ],
)
def test_wrong_calls(bundle, pictures, tmp_path, options, complaint):
    out = tmp_path / options.pop("out", "out")
    with pytest.raises(SettingError, match=complaint):
        predict_bulk(bundle, pictures, out, **options)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("results.csv", "--csv > {}/results.csv"),
        ("results.JSON", "--json > {}/results.json"),
        ("results.jsonl", "--json > {}/results.json"),
    ],
)
def test_endings_of_what_is_printed_are_refused(bundle, pictures, tmp_path, name, fix):
    with pytest.raises(SettingError, match="would be a folder of Parquet files") as error:
        predict_bulk(bundle, pictures, tmp_path / name)
    assert error.value.fix.startswith(fix.format(tmp_path))
    assert not (tmp_path / name).exists()


def test_settings_reach_the_rows(bundle, pictures, tmp_path, rows_of):
    predict_bulk(bundle, pictures, tmp_path / "out", top=1, sets=0.9, max_error=0.3)
    classifier = hs.load(bundle, sets=0.9, max_error=0.3)
    for row in rows_of(tmp_path / "out"):
        one = classifier.predict(row["path"])
        assert (row["set"], row["unsure"]) == (list(one.set), one.unsure)
        assert len(row["ranking"]) == (one.label is not None)


def test_names_are_kept_relative_and_found_from_elsewhere(
    bundle, pictures, tmp_path, rows_of, must_be_expected, monkeypatch
):
    place = shutil.copytree(pictures, tmp_path / "here" / "pictures")
    monkeypatch.chdir(place.parent)
    predict_bulk(bundle, "pictures", tmp_path / "out", shard=(0, 2), rows_per_shard=5)
    monkeypatch.chdir("/")
    predict_bulk(bundle, place, tmp_path / "out", rows_per_shard=5)
    names = lambda path: path.replace("pictures", str(pictures), 1)  # noqa: E731
    must_be_expected(rows_of(tmp_path / "out"), names)


def test_bytes_of_a_table_and_more_sources_at_once(bundle, pictures, tmp_path, rows_of):
    import pyarrow as pa
    import pyarrow.parquet as pq

    some = sorted(pictures.glob("stripes/*"))
    data = [path.read_bytes() for path in some]
    pq.write_table(pa.table({"image": data}), tmp_path / "a.parquet", row_group_size=2)
    (tmp_path / "b.txt").write_text(f"{some[0]}\nmissing.png\n")
    sources = [tmp_path / "a.parquet", tmp_path / "b.txt", pictures / "blobs"]
    bulk = predict_bulk(bundle, sources, tmp_path / "out", rows_per_shard=4)
    assert (bulk.counts.rows, bulk.counts.unusable, bulk.shards) == (6 + 2 + 6, 2, 4)
    rows = rows_of(tmp_path / "out")
    assert rows[0]["path"] == f"{tmp_path / 'a.parquet'}#0"
    assert rows[0]["probability"] == rows[6]["probability"]
    assert rows[7]["reason"] == "vanished"


MEMORY = """
    import resource, sys
    from headstart.bulk.job import predict_bulk
    from headstart.model.classifier import Classifier
    from headstart.backbones.reading import Outcome
    import numpy as np

    outputs = {"probabilities": np.array([0.5, 0.5], np.float32), "distance": np.zeros(1)}
    def outcomes(self, pictures):
        for picture in pictures:
            picture.read_bytes()
            yield Outcome(b"", outputs)
    Classifier.outcomes = outcomes
    bulk = predict_bulk(*sys.argv[1:], **({} if "." in sys.argv[-1] else {"rows_per_shard": 500}))
    print(bulk.counts.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.parametrize("out", ["out", "out.parquet"])
def test_memory_is_flat(bundle, tmp_path, out):
    """Everything but the network, which is the same for every picture, and slow."""
    peaks = []
    for count in (1000, 20_000):
        folder = tmp_path / str(count)
        for number in range(count):
            if number % 1000 == 0:
                inner = folder / f"{number:05}"
                inner.mkdir(parents=True)
            (inner / f"{number:05} with a name of some length.png").write_bytes(b"x" * 500)
        command = [sys.executable, "-c", textwrap.dedent(MEMORY), bundle, folder, folder / out]
        ran = subprocess.run(command, capture_output=True, check=True)
        rows, peak = map(int, ran.stdout.split())
        assert rows == count
        peaks.append(peak)
    assert peaks[1] < 1.1 * peaks[0]
