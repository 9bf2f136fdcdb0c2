"""Measures docs/accuracy.md: picture sets in a folder and the solar cells, default settings.

    python benchmarks/accuracy.py FOLDER [--write docs/accuracy.md]

FOLDER holds datasets, one a folder. Nothing is tuned here: `headstart fit` as it comes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from solar_cells import write_table

from headstart.datasets.splitting import folds
from headstart.heads.cross_validation import cross_validate
from headstart.heads.fitting import fit_chosen
from headstart.heads.selection import choose
from headstart.metrics.intervals import wilson
from headstart.progress import Silent
from headstart.workflows.comparing import candidates_of
from headstart.workflows.preparing import prepare
from headstart.workflows.recipe import Recipe

SETS = ("cats-dogs", "hymenoptera", "flowers5", "brain-tumor", "weather4")


def fit(pictures: Path, folder: Path) -> dict[str, Any]:
    """One `headstart fit` as a process of its own, without any cache, then a second one."""
    command = [
        *(sys.executable, "-m", "headstart", "fit", str(pictures)),
        *("--out", str(folder / "bundle"), "--cache", str(folder / "cache"), "--json", "--quiet"),
    ]
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, check=False)
        seconds.append(time.monotonic() - began)
        if done.returncode not in (0, 3):
            raise SystemExit(done.stderr.decode())
    return {**json.loads(done.stdout), "first": seconds[0], "second": seconds[1]}


def solar_cells(folder: Path) -> tuple[int, int]:
    """Right answers in 5 outer folds; the head is chosen inside each training part alone."""
    prepared = prepare(
        write_table(folder / "solar-cells.csv"), Recipe(cache=folder / "cache"), Silent()
    )
    y, groups = prepared.manifest.class_indices, prepared.groups
    taps = prepared.features.taps
    candidates = candidates_of(tuple(taps), ())
    right = 0
    outer = folds(y, groups, num_folds=5, seed=0)
    for fold in range(5):
        train, test = np.flatnonzero(outer != fold), np.flatnonzero(outer == fold)
        inside = {name: values[train] for name, values in taps.items()}
        inner = folds(y[train], groups[train], num_folds=5, seed=0)
        scores = cross_validate(
            candidates, inside, y[train], groups[train], inner, seed=0, progress=Silent()
        )
        best = scores[choose(scores, y[train])]
        head = fit_chosen(best.candidate, inside, y[train], groups[train], best.temperature, seed=0)
        X = prepared.features.joined(best.candidate.taps, test)
        right += int((head.predict_proba(X).argmax(axis=1) == y[test]).sum())
    return right, len(y)


def row(name: str, run: dict[str, Any]) -> str:
    """One line of the table."""
    test = run["test"]
    low, high = test["interval"]
    clean = test["without_leakage"]
    apart = (
        f"{100 * clean['accuracy']:.1f} % of {clean['num_images']}"
        if clean and clean["accuracy"] is not None
        else "–"
    )
    chosen = f"{run['chosen']['head']} on {run['chosen']['tap'].replace('+', ', ')}"
    chosen += ", two networks" if "+" in run["chosen"]["backbone"] else ""
    return (
        f"| {name} | {run['split']['train']} / {test['num_images']} "
        f"| **{100 * test['accuracy']:.1f} %** ({100 * low:.1f} – {100 * high:.1f}) | {apart} "
        f"| {chosen} | {run['first']:.0f} s | {run['second']:.0f} s |"
    )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    lines = []
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            lines.append(row(name, fit(options.data / name, Path(folder))))
            print(lines[-1], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        right, n = solar_cells(Path(folder))
    interval = wilson(right, n)
    cells = f"{100 * right / n:.1f} % ({100 * interval.low:.1f} – {100 * interval.high:.1f}) of {n}"
    print(cells)
    if options.write:
        options.write.write_text(_page(lines, cells), encoding="utf-8")


def _page(lines: list[str], cells: str) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    template = (Path(__file__).parent / "accuracy.md").read_text(encoding="utf-8")
    return template.format(
        rows="\n".join(lines),
        cells=cells,
        date=datetime.date.today().isoformat(),
        commit=commit,
        machine=f"{platform.machine()}, 2 cores, Python {platform.python_version()}",
    )


if __name__ == "__main__":
    main()
