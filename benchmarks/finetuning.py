"""Measures fine-tuning: how right, how fast, and beside fastai. Run it on a quiet machine.

    python benchmarks/finetuning.py cells RECORD.jsonl [--seeds 0 1 2 3 4] [--methods ...]
                                    [--cache FOLDER]
    python benchmarks/finetuning.py steps [--repeats 5] [--steps 8]
    python benchmarks/finetuning.py fastai RECORD.jsonl FOLDER... --fastai-python PYTHON

`cells`: the solar cells as Deitsch et al. 2019 divided them (three quarters to learn from), frozen,
tuned by hand, and as the ladder decides; only with `--cache` do splits share features. `steps`:
training steps a second against the loop that torch's tutorials show. `fastai`: `fine_tune` with the
same weights, the same split and the same time. Each measurement is a line of RECORD.jsonl; what is
there is not measured again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from peers.task import Task
from solar_cells import write_table

from headstart.backbones.catalog import DEFAULT, SECOND
from headstart.finetuning.process import _environment
from headstart.workflows.fit import run_fit
from headstart.workflows.recipe import Recipe

HERE = Path(__file__).parent
METHODS: dict[str, dict[str, Any]] = {
    "frozen": {"strategy": "freeze"},
    "top1": {"train_from": "top1"},
    "top2": {"train_from": "top2"},
    "frozen-flips": {"strategy": "freeze", "tta": "flips"},
    "frozen-turns": {"strategy": "freeze", "tta": "turns"},
    "top2-flips": {
        "backbone": f"{DEFAULT}+{SECOND}",
        "train_from": "top2",
        "tta": "flips",
        "num_folds": 2,
        "epochs": 12,
    },
    "auto": {"time_limit": 5400.0},
}
METHODS["pair-turns"] = {
    "backbone": f"{DEFAULT}+{SECOND}",
    "strategy": "freeze",
    "tta": "turns",
}
METHODS["all-turns"] = {
    **METHODS["pair-turns"],
    "strategy": "auto",
    "train_from": "all",
    "num_folds": 2,
    "epochs": 20,
    "learning_rate": 3e-4,
    "augmentation": "flip=true,vertical_flip=true,transpose=true,shift=0.04,rotation=5",
    "time_limit": 2400.0,
}
METHODS["top2-turns"] = {**METHODS["top2-flips"], "tta": "turns"}


class Record:
    """Lines of JSON; a cell that is there is not measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows = [json.loads(line) for line in lines]

    def has(self, **cell: Any) -> bool:
        return any(all(row.get(k) == v for k, v in cell.items()) for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def fitted(pictures: Path, out: Path, cache: Path | None = None, **settings: Any) -> dict[str, Any]:
    """One fit, without any cache where none is given: accuracy, minutes, what was chosen."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as empty:
        found = run_fit(pictures, out, Recipe(cache=cache or Path(empty), **settings))
    chosen = found.receipt["chosen"]
    return {
        "accuracy": found.results.accuracy,
        "num_images": found.results.num_images,
        "cached": cache is not None,
        "minutes": round((time.monotonic() - began) / 60, 2),
        "chosen": chosen["train_from"] or chosen["strategy"],
        "expected": found.receipt["cross_validated"]["accuracy_corrected_for_choosing"],
    }


def cells(record: Record, seeds: list[int], methods: list[str], cache: Path | None) -> None:
    """Every method on every split, then a line for each method."""
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder) / "solar-cells.csv")
        for seed in seeds:
            for method in methods:
                if not record.has(seed=seed, method=method):
                    settings = {**METHODS[method], "seed": seed, "test_share": 0.25}
                    measured = fitted(table, Path(folder) / "out.headstart", cache, **settings)
                    record.add({"seed": seed, "method": method, **measured})
    for method in methods:
        rows = [r for r in record.rows if r.get("method") == method and r["seed"] in seeds]
        minutes = statistics.mean(row["minutes"] for row in rows)
        print(f"{method:8} {spread([r['accuracy'] for r in rows])}  {minutes:.1f} min a fit")


def spread(accuracies: list[float]) -> str:
    """Mean and its 95 % interval over the splits (Student's t)."""
    percent = 100 * np.array(accuracies)
    mean = f"{percent.mean():.2f} % of {len(percent)} splits"
    if len(percent) < 2:
        return mean
    error = percent.std(ddof=1) / np.sqrt(len(percent)) * student.ppf(0.975, len(percent) - 1)
    return f"{mean} ({percent.mean() - error:.2f} – {percent.mean() + error:.2f})"


def steps(repeats: int, number: int) -> None:
    """Interleaved, each in a process of its own with its own settings of memory."""
    kinds = ("plain", "all", "top1", "top2")
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for kind in kinds:
            environment = dict(os.environ) if kind == "plain" else _environment()
            command = [sys.executable, HERE / "finetuning_steps.py", kind, str(number)]
            done = subprocess.run(command, env=environment, capture_output=True, check=True)
            rates[kind].append(float(done.stdout.split()[-1]))
    for kind in kinds:
        ratios = [ours / plain for ours, plain in zip(rates[kind], rates["plain"], strict=True)]
        rate, ratio = statistics.median(rates[kind]), statistics.median(ratios)
        print(f"{kind:6} {rate:8.1f} pictures a second, {ratio:5.1f} times the plain loop")


def beside_fastai(record: Record, folders: list[Path], python: Path | None) -> None:
    """Headstart first; fastai then gets as many epochs as fit into the same time."""
    known = subprocess.run([python, "-c", "import fastai"], check=False) if python else None
    if known is None or known.returncode:
        print("skipped: fastai is not installed (--fastai-python PYTHON of an environment with it)")
        return
    for pictures in folders:
        if not record.has(set=pictures.name):
            with tempfile.TemporaryDirectory() as work:
                record.add({"set": pictures.name, **_beside(pictures, Path(work), python)})
    for row in record.rows:
        if "set" in row:
            ours, theirs = row["headstart"], row["fastai"]
            print(
                f"{row['set']:16} headstart {100 * ours['accuracy']:.1f} % in {ours['minutes']} min"
                f" · fastai {100 * theirs['accuracy']:.1f} % in {theirs['minutes']} min,"
                f" {theirs['epochs']} epochs"
            )


def _beside(pictures: Path, work: Path, python: Path | None) -> dict[str, Any]:
    ours = fitted(pictures, work / "out.headstart")
    _laid_out(pictures, work / "out.headstart" / "split.csv", work / "set")
    weights = work / "weights.pth"
    subprocess.run([sys.executable, "-c", _WEIGHTS, weights], check=True)
    one = _fine_tuned(python, work, weights, 1)
    epochs = max(1, int(ours["minutes"] / one["minutes"]))
    theirs = _fine_tuned(python, work, weights, epochs) if epochs > 1 else one
    return {"headstart": ours, "fastai": theirs}


def _laid_out(pictures: Path, split: Path, target: Path) -> None:
    """Links to the pictures in train and test folders, a folder a class, as we divided them."""
    with split.open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            path, label, part = row["path"], row["label"], row["split"]
            place = target / ("test" if part == "test" else "train") / label
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}{Path(path).suffix}").symlink_to((pictures / path).absolute())


def _fine_tuned(python: Path | None, work: Path, weights: Path, epochs: int) -> dict[str, Any]:
    task = Task([], 0, str(weights), "", str(work / "set"), epochs=epochs)
    began = time.monotonic()
    done = subprocess.run(
        [str(python), HERE / "peers" / "fastai_fit.py"],
        input=json.dumps(asdict(task)).encode(),
        capture_output=True,
        check=True,
    )
    right = list(json.loads(done.stdout.splitlines()[-1])["right"].values())
    minutes = round((time.monotonic() - began) / 60, 2)
    return {"accuracy": statistics.mean(right), "minutes": minutes, "epochs": epochs}


_WEIGHTS = """
import sys, torch
from headstart.backbones import catalog, from_timm
entry = catalog.OFFLINE[catalog.DEFAULT]
network = from_timm.create(entry.architecture, from_timm.read_state(entry.file()), 0)
torch.save(network.state_dict(), sys.argv[1])
"""


def main() -> None:
    """Do what the first argument names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    tasks = parser.add_subparsers(dest="task", required=True)
    one = tasks.add_parser("cells")
    one.add_argument("record", type=Path)
    one.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    one.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    one.add_argument("--cache", type=Path)
    two = tasks.add_parser("steps")
    two.add_argument("--repeats", type=int, default=5)
    two.add_argument("--steps", type=int, default=8)
    three = tasks.add_parser("fastai")
    three.add_argument("record", type=Path)
    three.add_argument("folders", type=Path, nargs="+")
    three.add_argument("--fastai-python", type=Path)
    given = parser.parse_args()
    if given.task == "cells":
        cells(Record(given.record), given.seeds, given.methods, given.cache)
    elif given.task == "steps":
        steps(given.repeats, given.steps)
    else:
        beside_fastai(Record(given.record), given.folders, given.fastai_python)


if __name__ == "__main__":
    main()
