"""Ctrl-C and kill -9 at any moment: what was there stays whole, and the next run goes on."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import headstart as hs
from headstart.backbones.backbone import Backbone
from headstart.features.store import FeatureStore

DYING = Path(__file__).with_name("dying.py")
# The steps of each stage: so many pictures; two candidates on five folds; at least so many changes.
STEPS = {"features": 30, "comparing heads": 10, "file": 17}


class Place:
    """Pictures, a cache and a place for the bundle; and what must hold of them at any time."""

    def __init__(self, pictures: Path, cache: Path, folder: Path, backbone: Backbone) -> None:
        self.pictures, self.cache, self.folder = pictures, cache, folder
        self.backbone = backbone
        self.out = folder / "out"
        places = ("--out", str(self.out), "--cache", str(cache))
        network = ("--backbone", backbone.name, "--weights", "random")
        self.arguments = ["fit", str(pictures), *places, *network, "--head", "ridge", "--json"]

    def dies(self, signal_name: str, stage: str, number: int) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, DYING, signal_name, stage, str(number), self.folder]
        return subprocess.run([*command, *self.arguments], capture_output=True, check=False)

    def must_be_whole(self) -> None:
        store = FeatureStore(self.cache, self.backbone)
        assert store.damaged == []
        for shard in store.folder.glob("part-*"):
            assert shard.suffix == ".parquet"
        if self.out.exists():
            picture = next(self.pictures.rglob("*.png"))
            assert hs.load(self.out).predict(picture).label == picture.parent.name


@pytest.fixture
def place(own_cache, draw_folder, tmp_path, tiny):
    pictures = draw_folder(tmp_path / "pictures", start=1500, stripes=15, blobs=15)
    return Place(pictures, own_cache, tmp_path, tiny)


@pytest.mark.long
def test_ctrl_c(place, headstart):
    for stage, number in (("features", 20), ("file", 12)):
        ended = place.dies("SIGINT", stage, number)
        assert ended.returncode == 130, ended.stderr.decode()
        assert ended.stdout == b""
        assert b"run the same command to go on" in ended.stderr
        assert b"Traceback" not in ended.stderr
        place.must_be_whole()
        assert not place.out.exists()
        left = {path.name for path in place.folder.iterdir()}
        assert left == {"pictures", "own-cache"}
        if stage == "features":
            # What was computed is kept.
            store = FeatureStore(place.cache, place.backbone)
            assert 20 <= len(store) < 30
    ran = headstart(*place.arguments)
    assert ran.code == 0
    assert ran.json["features"]["computed"] == 0
    place.must_be_whole()


@pytest.mark.slow
def test_ctrl_c_while_tuning_saves_what_is_best_so_far(place, headstart):
    tuned = ("--train-from", "top1", "--epochs", "6", "--batch-size", "8", "--folds", "2")
    place.arguments = [*place.arguments, *tuned]
    ended = place.dies("SIGINT", "epoch 2 of 6", 1)
    assert ended.returncode == 130, ended.stderr.decode()
    assert b"Ctrl-C again to stop at once" in ended.stderr
    assert json.loads(ended.stdout)["chosen"]["strategy"] == "freeze"
    assert b"Traceback" not in ended.stderr
    place.must_be_whole()
    report = (place.out / "report.html").read_text()
    assert "ine-tuning was interrupted: the frozen network is used" in report
    ran = headstart(*place.arguments)
    assert ran.code == 0
    assert "going on from step" in ran.err
    assert ran.json["chosen"]["strategy"] == "partial"
    place.must_be_whole()


@pytest.mark.long
@pytest.mark.parametrize("seed", [1])
def test_killed(place, headstart, seed):
    draw_lots = random.Random(seed)
    for stage, steps in STEPS.items():
        kill_and_look(place, stage, draw_lots.randint(1, steps))
    finish(place, headstart)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_often(place, headstart, seed):
    draw_lots = random.Random(seed)
    assert headstart(*place.arguments).code == 0  # an older classifier stands at the place
    for shard in (place.cache / "features").glob("*/part-*"):
        shard.unlink()
    for _ in range(5):
        stage = draw_lots.choice(list(STEPS))
        kill_and_look(place, stage, draw_lots.randint(1, STEPS[stage]))
    finish(place, headstart)


@pytest.mark.slow
def test_killed_from_outside_at_any_moment(place, headstart):
    draw_lots = random.Random(0)
    command = [sys.executable, "-m", "headstart", *place.arguments]
    began = time.monotonic()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    whole = time.monotonic() - began
    for turn in range(20):
        if turn % 3 == 0:
            for shard in (place.cache / "features").glob("*/part-*"):
                shard.unlink()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            time.sleep(draw_lots.uniform(0, whole))
            running.send_signal(signal.SIGKILL)
        place.must_be_whole()
        assert place.out.exists()
    finish(place, headstart)


def kill_and_look(place, stage, number):
    ended = place.dies("SIGKILL", stage, number)
    # The last stages may be shorter where much is known already: then it came to its end.
    assert ended.returncode in (-signal.SIGKILL, 0), ended.stderr.decode()
    place.must_be_whole()


def finish(place, headstart):
    ran = headstart(*place.arguments)
    assert ran.code == 0
    place.must_be_whole()
    assert hs.load(place.out).test["accuracy"] == ran.json["test"]["accuracy"]
    assert ran.json["features"]["computed"] + ran.json["features"]["reused"] == STEPS["features"]
