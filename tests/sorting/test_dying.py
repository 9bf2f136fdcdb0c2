"""kill -9 at any moment: no picture is lost or twice, and the next run goes on; also an undo."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from headstart.sorting.sort import sort
from headstart.sorting.undo import undo

DYING = Path(__file__).with_name("dying.py")
HOWS = ("copy", "move", "hard-link", "symlink")


class Case:
    """A folder of pictures, more of them than are written down at once, and what must hold."""

    def __init__(self, folder, fill, tree, number=150):
        self.folder, self.tree = folder, tree
        self.inbox, self.to = folder / "inbox", folder / "to"
        kinds = ("cats", "dogs", "nobody", "broken", "a/b")
        fill(self.inbox, **{f"{k % 7}__p{k % 40}": kinds[k % 5] for k in range(number)})
        self.contents = Counter(path.read_bytes() for path in self.inbox.rglob("*.png"))
        self.number = sum(self.contents.values())
        (folder / "bundle").mkdir()
        self.before = tree(self.inbox)

    def dies(self, step, how):
        command = [sys.executable, DYING, step, self.folder / "bundle", self.inbox, self.to, how]
        ended = subprocess.run(list(map(str, command)), capture_output=True, check=False)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
        return ended

    def steps(self, how):
        ended = self.dies(0, how)
        assert ended.returncode == 0
        return int(ended.stdout.split()[0])

    def nothing_is_lost(self, how):
        """Also right after the kill, each content is there; moved or not."""
        found = Counter(path.read_bytes() for path in self.inbox.rglob("*.png"))
        if how == "move":
            assert set(self.contents) <= set(found) | {x.read_bytes() for x in self.placed()}
        else:
            assert self.tree(self.inbox) == self.before

    def placed(self):
        if not self.to.is_dir():
            return []
        return [path for path in self.to.rglob("*.png") if not path.name.startswith(".")]

    def all_is_placed_once(self, how):
        assert Counter(path.read_bytes() for path in self.placed()) == self.contents
        left = list(self.inbox.rglob("*.png"))
        assert len(left) == (0 if how == "move" else self.number)
        hidden = [path.name for path in self.to.rglob(".*")]
        assert hidden == [".headstart-sort.sqlite3"]
        with (self.to / "headstart-sort.csv").open() as file:
            assert len(file.readlines()) == self.number + 1


def die_often(case, how, times, seed):
    steps = case.steps(how)
    assert undo(case.inbox, case.to).num_kept == 0
    draw = random.Random(seed)
    killed = 0
    while killed < times:
        # What is left to do becomes less with every run: small steps are drawn as often.
        step = int(steps ** draw.uniform(0.5, 1))
        died = case.dies(step, how).returncode != 0
        killed += died
        case.nothing_is_lost(how)
        if not died:
            case.all_is_placed_once(how)
            assert undo(case.inbox, case.to).num_kept == 0
            assert case.tree(case.inbox) == case.before
    case.steps(how)
    case.all_is_placed_once(how)


@pytest.mark.parametrize("how", ["copy", "move"])
def test_killed(tmp_path, fill, tree, pretending, how):
    """A process costs a second: a few here, many in the slow tests."""
    case = Case(tmp_path, fill, tree, 70)
    draw = random.Random(how)
    for _ in range(2):
        assert case.dies(draw.randint(100, 3000), how).returncode != 0
        case.nothing_is_lost(how)
    assert sort(pretending(tmp_path / "bundle"), case.inbox, case.to, how=how).num_left == 0
    case.all_is_placed_once(how)
    assert case.dies(draw.randint(100, 1000), "undo").returncode != 0
    case.nothing_is_lost(how)
    assert undo(case.inbox, case.to).num_kept == 0
    assert case.tree(case.inbox) == case.before
    assert not case.to.exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", HOWS)
def test_killed_twenty_times(tmp_path, fill, tree, how):
    die_often(Case(tmp_path, fill, tree), how, 20, 2)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["copy", "move"])
def test_an_undo_killed_twenty_times(tmp_path, fill, tree, pretending, how):
    case = Case(tmp_path, fill, tree)
    draw = random.Random(3)
    killed = 0
    while killed < 20:
        if not case.to.exists():
            sort(pretending(tmp_path / "bundle"), case.inbox, case.to, how=how)
        killed += case.dies(int(8000 ** draw.uniform(0.5, 1)), "undo").returncode != 0
        case.nothing_is_lost(how)
    assert not case.to.exists() or undo(case.inbox, case.to).num_kept == 0
    assert case.tree(case.inbox) == case.before


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pictures(tmp_path, fill):
    most = []
    for number in (2_000, 20_000):
        folder = tmp_path / str(number)
        (folder / "bundle").mkdir(parents=True)
        fill(folder / "inbox", **{f"{k % 10}__p{k}": "cats" for k in range(number)})
        places = [folder / name for name in ("bundle", "inbox", "to")]
        ran = subprocess.run(
            [sys.executable, DYING, "-1", *map(str, places), "copy"],
            capture_output=True,
            check=True,
        )
        most.append(int(ran.stdout.split()[1]))
        assert len(os.listdir(folder / "to")) > 2
    assert most[1] < 1.2 * most[0]
