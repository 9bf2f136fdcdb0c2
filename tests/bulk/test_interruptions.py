"""Kill -9 at any moment, run again: every picture is there once, with the numbers of `predict`."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DYING = Path(__file__).parents[1] / "journeys" / "dying.py"
# The steps of each stage: so many pictures; about so many changes of files.
STEPS = {"predicting": 12, "file": 45}


class Place:
    """A job of twelve pictures in six shards, and what must hold of its folder at any time."""

    def __init__(self, bundle, pictures, folder, rows_of, must_be_expected):
        self.folder, self.out = folder, folder / "out"
        self.arguments = ["predict", bundle, pictures, "--out", self.out, "--rows-per-shard", 2]
        self.rows_of, self.must_be_expected = rows_of, must_be_expected

    def dies(self, stage, number):
        command = [sys.executable, DYING, "SIGKILL", stage, number, self.folder, *self.arguments]
        ended = subprocess.run([*map(str, command)], capture_output=True, check=False)
        assert ended.returncode in (-signal.SIGKILL, 3), ended.stderr.decode()
        self.must_be_whole()

    def must_be_whole(self):
        if not self.out.exists():
            return
        names = [row["path"] for row in self.rows_of(self.out)]
        assert len(names) == len(set(names))
        if (self.out / "_SUCCESS.json").exists():
            self.must_be_expected(self.rows_of(self.out))


@pytest.fixture
def place(bundle, pictures, tmp_path, rows_of, must_be_expected):
    return Place(bundle, pictures, tmp_path, rows_of, must_be_expected)


def finish(place, headstart):
    ran = headstart(*place.arguments, "--json")
    assert ran.code == 3, ran.err  # one of the pictures is none
    assert (ran.json["finished"], ran.json["rows"], ran.json["shards"]) == (True, 12, 6)
    assert ran.json["computed"] + ran.json["reused"] == 6
    assert (place.out / "_SUCCESS.json").exists()
    place.must_be_expected(place.rows_of(place.out))
    return ran.json


@pytest.mark.long
def test_killed(place, headstart):
    place.dies("predicting", 7)
    place.dies("file", random.Random(0).randint(1, STEPS["file"]))
    assert finish(place, headstart)["reused"] >= 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_often(place, headstart, seed):
    draw_lots = random.Random(seed)
    for _ in range(5):
        stage = draw_lots.choice(list(STEPS))
        place.dies(stage, draw_lots.randint(1, STEPS[stage]))
    finish(place, headstart)


@pytest.mark.slow
def test_killed_from_outside_at_any_moment(place, headstart):
    draw_lots = random.Random(0)
    command = [sys.executable, "-m", "headstart", *map(str, place.arguments)]
    began = time.monotonic()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 3
    whole = time.monotonic() - began
    for turn in range(20):
        if turn % 3 == 0:
            shutil.rmtree(place.out, ignore_errors=True)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            time.sleep(draw_lots.uniform(0, whole))
            running.send_signal(signal.SIGKILL)
        place.must_be_whole()
    finish(place, headstart)
