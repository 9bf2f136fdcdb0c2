"""Measures docs/performance.md: Headstart beside what people use, in turns, on the same pictures.

    python benchmarks/performance.py FOLDER [--only a b ...] [--quick] [--json FILE] [--write PAGE]
                                     [--peers FOLDER]

FOLDER holds picture sets, one a folder; `cats-dogs` among them, with train and test. Parts:
(a) extraction · (b) a whole fit · (c) a second fit · (d) heads · (e) one picture · (f) growth.

Every subject is a process of its own; they take turns, and a ratio is the median of the rounds'
ratios. Beside each figure stands the pressure: the share of the time in which some process waited
for a processor. Where it is high on a subject that uses one core, a neighbour was measured.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pictures
from peers.task import Task

HERE = Path(__file__).parent

Answer = dict[str, Any]
CORES = len(os.sched_getaffinity(0))
PEERS = HERE.parent / "build" / "peers"
SIZES = {"500x375": ((500, 375), 600, 80), "12 MP": ((4032, 3024), 120, 16)}
TUTORIAL, LOADER, ONNX = "loop.py", "loader.py", "onnx_runtime.py"


# What is kept in the cache of pictures that were read.
FEATURES = ("features", "similarity", "statistics")


@dataclass(frozen=True)
class Bench:
    """Where things are.

    Args:
        data: Picture sets.
        work: A folder that goes away afterwards.
        peers: Python of the peers' environment.
        quick: Only to see that it works.
        rounds: Turns.
    """

    data: Path
    work: Path
    peers: Path
    quick: bool
    rounds: int

    @property
    def sources(self) -> list[Path]:
        """Real pictures to make others from."""
        return sorted((self.data / "cats-dogs").rglob("*.jpg"))[:500]

    @property
    def graph(self) -> Path:
        """The default backbone's."""
        return next((self.work / "cache" / "graphs").glob("*/graph.onnx"))

    def task(self, files: list[str], warm: int = 0, **more: str) -> Task:
        """What a process is told."""
        given = {"folder": "", "graph": str(self.graph), **more}
        return Task(files, warm, str(self.work / "weights.pth"), **given)

    def turn(
        self, *command: object, task: Task | None = None, ok: tuple[int, ...] = (0,)
    ) -> Answer:
        """One process from its start to its end."""
        began, stalled = time.perf_counter(), _stalled()
        # A file, not a pipe: nobody reads while we wait for the process and its memory.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as told:
            told.write(json.dumps(asdict(task)).encode() if task else b"")
            told.seek(0)
            environment = {**os.environ, "HEADSTART_CACHE": str(self.work / "cache")}
            child = subprocess.Popen(
                [str(part) for part in command], stdin=told, stdout=out, env=environment
            )
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - began
            out.seek(0)
            printed = out.read().decode()
        if child.returncode not in ok:
            raise SystemExit(f"{command} ended with {child.returncode}")
        return {
            **_answer_in(printed),
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "process_peak_mb": round(used.ru_maxrss / 1024),
            "pressure": (_stalled() - stalled) / 1e6 / seconds,
        }

    def ours(self, mode: str, task: Task) -> Answer:
        """One process of ``ours.py``."""
        return self.turn(sys.executable, HERE / "ours.py", mode, task=task)

    def theirs(self, script: str, task: Task) -> Answer:
        """One process of a peer."""
        return self.turn(self.peers, HERE / "peers" / script, task=task)

    def headstart(self, *arguments: object) -> Answer:
        """One process of the command line."""
        program = [sys.executable, "-m", "headstart"]
        return self.turn(*program, *arguments, ok=(0, 1, 3))


def extraction(bench: Bench) -> Answer:
    """(a) Files to features: against the peers, and against what the cores could do at most."""
    found = {}
    for name, (size, count, warm) in SIZES.items():
        count, warm = (24, 6) if bench.quick else (count + warm, warm)
        folder = bench.work / name.replace(" ", "")
        files = pictures.enlarged(bench.sources, folder, size, count)
        found[name] = _extraction(bench, bench.task(files, warm, folder=str(folder)))
        shutil.rmtree(folder)
    return found


def _extraction(bench: Bench, task: Task) -> Answer:
    subjects: dict[str, Callable[[], Answer]] = {
        "headstart": lambda: bench.ours("extract", task),
        "headstart bf16": lambda: bench.ours("bf16", task),
        "onnx runtime": lambda: bench.theirs(ONNX, task),
        "loader": lambda: bench.theirs(LOADER, task),
        "tutorial loop": lambda: bench.theirs(TUTORIAL, task),
        "decode, one core": lambda: bench.ours("decode", task),
        "forward, one core": lambda: bench.ours("forward", task),
    }
    turns = [{name: turn() for name, turn in subjects.items()} for _ in range(bench.rounds)]
    shown = ("ms", "cpu_ms", "process_peak_mb", "pressure")
    rows = {
        name: {key: _median(turns, lambda t, n=name, k=key: t[n][k]) for key in shown}
        for name in subjects
    }
    for name, row in rows.items():
        row["times_the_loop"] = _median(turns, lambda t, n=name: _ratio(t, "tutorial loop", n))
    return {
        "subjects": rows,
        "bound_ms": _median(turns, lambda t: _work(t) / CORES),
        "fraction_of_bound": _median(turns, lambda t: _work(t) / CORES / t["headstart"]["ms"]),
        # The same without the clock on the wall: what a neighbour cannot take away.
        "fraction_by_cpu": _median(turns, lambda t: _work(t) / t["headstart"]["cpu_ms"]),
    }


def _ratio(turn: dict[str, Answer], one: str, other: str) -> float:
    return float(turn[one]["ms"] / turn[other]["ms"])


def _work(turn: dict[str, Answer]) -> float:
    """Core-milliseconds that a picture takes, each part alone on one core."""
    return float(turn["decode, one core"]["cpu_ms"] + turn["forward, one core"]["cpu_ms"])


def whole_fit(bench: Bench) -> Answer:
    """(b) Process start to a judged classifier, on the same pictures and weights."""
    folder = bench.data / "cats-dogs"
    if bench.quick:
        folder = _some_of(folder, bench.work / "few", each=20)
    task = bench.task([], folder=str(folder))
    subjects: dict[str, Callable[[], Answer]] = {
        "headstart": lambda: _fit_and_right(bench, folder, FEATURES),
        "headstart, nothing cached": lambda: _fit_and_right(bench, folder, ("",)),
        "scikit-learn script": lambda: bench.theirs("scikit_script.py", task),
        "fastai": lambda: bench.theirs("fastai_fit.py", task),
    }
    rounds = 1 if bench.quick else bench.rounds
    # fastai takes longer than all others together: once.
    turns = [
        {name: run() for name, run in subjects.items() if turn == 0 or name != "fastai"}
        for turn in range(rounds)
    ]
    return {name: _of_fits(turns, name) for name in subjects}


def _of_fits(turns: list[dict[str, Answer]], name: str) -> Answer:
    """One row; its ratio is to ours of the same turns."""
    there = [turn for turn in turns if name in turn]
    return {
        "seconds": _median(there, lambda turn: turn[name]["seconds"]),
        "times_ours": _median(
            there, lambda turn: turn[name]["seconds"] / turn["headstart"]["seconds"]
        ),
        "pressure": _median(there, lambda turn: turn[name]["pressure"]),
        "peak_mb": _median(there, lambda turn: turn[name]["process_peak_mb"]),
        **_paired(turns[0]["headstart"]["right"], turns[0][name]["right"]),
    }


def _fit_and_right(bench: Bench, folder: Path, without: tuple[str, ...]) -> Answer:
    """A fit without some parts of the cache; the test pictures that it answers rightly."""
    cache, out, aside = (bench.work / name for name in ("cache", "fitted", "aside"))
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(cache, aside)
    for name in without:
        shutil.rmtree(cache / name, ignore_errors=True)
    measured = bench.headstart("fit", folder, "--out", out, "--quiet")
    shutil.rmtree(cache)
    shutil.move(aside, cache)
    said = subprocess.run(
        [sys.executable, "-m", "headstart", "predict", out, folder / "test", "--json"],
        capture_output=True,
        check=True,
    )
    right = {row["path"]: int(row["label"] == Path(row["path"]).parent.name) for row in _rows(said)}
    return {**measured, "right": right}


def _paired(ours: dict[str, int], theirs: dict[str, int]) -> Answer:
    """Accuracies on the same pictures, and McNemar's exact test of their difference."""
    # Not at the top: a process's peak memory is never less than its parent's when it began.
    from scipy.stats import binomtest

    same = sorted(ours.keys() & theirs.keys())
    won = sum(ours[path] > theirs[path] for path in same)
    lost = sum(ours[path] < theirs[path] for path in same)
    return {
        "pictures": len(same),
        "accuracy": sum(theirs[path] for path in same) / len(same),
        "ours_right_theirs_wrong": won,
        "theirs_right_ours_wrong": lost,
        "p": float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
    }


def second_fit(bench: Bench) -> Answer:
    """(c) Another head, another split, every feature at hand."""
    count = 200 if bench.quick else 10_000
    folder = next(pictures.small(bench.sources, bench.work / "many", (count,)))
    out = ("--out", bench.work / "many-out", "--quiet", "--strategy", "freeze")
    shutil.rmtree(bench.work / "cache" / "features", ignore_errors=True)
    first = bench.headstart("fit", folder, *out)
    one = bench.headstart("fit", folder, *out, "--head", "ridge", "--seed", 1)
    every = bench.headstart("fit", folder, *out, "--seed", 2)
    shutil.rmtree(folder)
    rows = {"first": first, "second, one head": one, "second, every head": every}
    return {
        "pictures": count,
        **{
            name: {
                "seconds": row["seconds"],
                "share_of_first": row["seconds"] / first["seconds"],
                "pressure": row["pressure"],
            }
            for name, row in rows.items()
        },
    }


def heads(bench: Bench) -> Answer:
    """(d) Heads against scikit-learn's own: ``benchmarks/heads.py``."""
    out = bench.work / "heads.json"
    quick = ["--quick", "--rounds", 1] if bench.quick else []
    bench.turn(sys.executable, HERE / "heads.py", "--json", out, *quick)
    found: Answer = json.loads(out.read_bytes())
    return found


def one_picture(bench: Bench) -> Answer:
    """(e) One picture: from the start of a process, and from a loaded classifier."""
    folder = _some_of(bench.data / "cats-dogs", bench.work / "few", each=20)
    bundle = bench.work / "small.headstart"
    bench.headstart("fit", folder, "--out", bundle, "--quiet", "--strategy", "freeze")
    file = str(bench.sources[0])
    task = bench.task([file], graph=str(bundle / "classifier.onnx"))
    many = bench.task([file] * (50 if bench.quick else 500), 20, folder=str(bundle))
    subjects: dict[str, Callable[[], Answer]] = {
        "headstart predict": lambda: bench.headstart("predict", bundle, file, "--json"),
        "bare script, same engine": lambda: bench.theirs("bare.py", task),
        "torch and timm": lambda: bench.theirs("one_picture.py", task),
        "headstart --help": lambda: bench.headstart("--help"),
        "python, import click": lambda: bench.turn(sys.executable, "-c", "import click"),
    }
    rounds = bench.rounds if bench.quick else 3 * bench.rounds
    turns = [{name: turn() for name, turn in subjects.items()} for _ in range(rounds)]
    keys = ("seconds", "cpu_seconds", "process_peak_mb", "pressure")
    return {
        "subjects": {
            name: {key: _median(turns, lambda t, n=name, k=key: t[n][k]) for key in keys}
            for name in subjects
        },
        "times_the_bare_script": _median(
            turns,
            lambda t: t["headstart predict"]["seconds"] / t["bare script, same engine"]["seconds"],
        ),
        "help_times_click": _median(
            turns, lambda t: t["headstart --help"]["seconds"] / t["python, import click"]["seconds"]
        ),
        "warm_ms": bench.ours("warm", many)["ms"],
    }


def growth(bench: Bench) -> Answer:
    """(f) Time and memory as the pictures become more.

    The network sees 64 pixels: what grows with the number of pictures is the same, in minutes.
    """
    counts = (100, 300) if bench.quick else (1_000, 10_000, 100_000)
    found = {}
    settings = ("--quiet", "--input-size", 64, "--head", "ridge", "--strategy", "freeze")
    for folder in pictures.small(bench.sources, bench.work / "growing", counts):
        count = counts[len(found)]
        for name in FEATURES:
            shutil.rmtree(bench.work / "cache" / name, ignore_errors=True)
        place = ("--out", bench.work / "grown")
        rows = {
            "fit, every picture read": bench.headstart("fit", folder, *settings, *place),
            "fit again": bench.headstart("fit", folder, *settings, *place),
        }
        keys = ("seconds", "cpu_seconds", "process_peak_mb", "pressure")
        found[str(count)] = {n: {key: row[key] for key in keys} for n, row in rows.items()}
    shutil.rmtree(bench.work / "growing")
    return found


PARTS: dict[str, Callable[[Bench], Answer]] = {
    "a": extraction,
    "b": whole_fit,
    "c": second_fit,
    "d": heads,
    "e": one_picture,
    "f": growth,
}


def _some_of(folder: Path, out: Path, each: int) -> Path:
    """A copy with so many pictures of each class of each part."""
    for part in (place for place in folder.glob("*/*") if place.is_dir()):
        (out / part.relative_to(folder)).mkdir(parents=True, exist_ok=True)
        for file in sorted(part.iterdir())[:each]:
            shutil.copy(file, out / file.relative_to(folder))
    return out


def _rows(said: subprocess.CompletedProcess[bytes]) -> list[Answer]:
    rows: list[Answer] = json.loads(said.stdout)
    return rows


def _answer_in(printed: str) -> Answer:
    """The last line, if it is an object in JSON."""
    last = printed.strip().rpartition("\n")[2]
    found: Answer = json.loads(last) if last.startswith('{"') else {}
    return found


def _median(turns: list[dict[str, Answer]], value: Callable[[dict[str, Answer]], float]) -> float:
    return round(float(median(value(turn) for turn in turns)), 4)


def _stalled() -> float:
    """Microseconds in which some process waited for a processor, since the machine started."""
    try:
        some = Path("/proc/pressure/cpu").read_text().splitlines()[0]
    except OSError:
        return 0.0
    return float(some.rpartition("=")[2])


def _peers_python(folder: Path) -> Path:
    """The peers' environment: what this one has, and fastai and ONNX Runtime on top."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        ours = next(path for path in sys.path if path.endswith("site-packages"))
        (packages / "shared.pth").write_text(ours)
        install = [python, "-m", "pip", "install", "--quiet", "fastai", "onnxruntime"]
        subprocess.run(install, check=True)
    return python


_WEIGHTS = """
import sys, torch
from pathlib import Path
from headstart.backbones import catalog, from_timm
from headstart.backbones.loading import load_backbone
entry = catalog.OFFLINE[catalog.DEFAULT]
network = from_timm.create(entry.architecture, from_timm.read_state(entry.file()), 0)
torch.save(network.state_dict(), sys.argv[1])
load_backbone(cache=Path(sys.argv[2]))
"""


def _prepare(work: Path) -> None:
    """The default backbone for everyone: torch's state for the peers, the graph for us."""
    command = [sys.executable, "-c", _WEIGHTS, work / "weights.pth", work / "cache"]
    subprocess.run(command, check=True)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=Path, help="keep it; parts that are there already stay")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--peers", type=Path, default=PEERS)
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    kept = json.loads(options.json.read_bytes()) if options.json and options.json.exists() else {}
    found: Answer = {**kept, "about": _about(options.quick)}
    with tempfile.TemporaryDirectory(prefix="headstart-bench-") as work:
        _prepare(Path(work))
        python = _peers_python(options.peers)
        bench = Bench(options.data, Path(work), python, options.quick, rounds)
        for part in options.only:
            found[part] = PARTS[part](bench)
            print(json.dumps({part: found[part]}, indent=2), flush=True)
            if options.json:
                options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.write:
        from performance_page import page

        options.write.write_text(page(found), encoding="utf-8")


def _about(quick: bool) -> Answer:
    commit = ["git", "rev-parse", "--short", "HEAD"]
    return {
        "date": datetime.date.today().isoformat(),
        "commit": subprocess.run(commit, capture_output=True, text=True).stdout.strip(),
        "machine": f"{platform.machine()}, {CORES} cores, Python {platform.python_version()}",
        "quick": quick,
    }


if __name__ == "__main__":
    main()
