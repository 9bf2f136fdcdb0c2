"""Measures how well Headstart chooses and whether its numbers are true, on any folder of datasets.

    python benchmarks/panel.py PLACE... [--out panel.jsonl] [--per-class 10,30,100,all]
                               [--seeds 3] [--rungs freeze|partial|all] [--time-limit S]
                               [--pooled]
    python benchmarks/panel.py PLACE... --claims [--resamples 25] [--out panel.jsonl]
    python benchmarks/panel.py --table [--out panel.jsonl] [--write docs/panel.md]

PLACE is a folder whose subfolders are datasets, or `elpv` (PyPI's elpv-dataset), or `digits`
(scikit-learn's). A given test part judges; without one, or with --pooled, half of each class does,
always the same.

Every cell (dataset, pictures a class, seed) is one line of the file, appended whole. Started again,
it goes on behind the last; a cell that fails is a line with its error (take the line away and it
is tried again).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from panels import cells, claims
from panels.lines import Record, append_line, read_lines
from panels.sets import datasets_in, parts_of, pooled
from panels.tables import page, tables

from headstart.backbones.catalog import DEFAULT
from headstart.cli.console import Console
from headstart.errors import HeadstartError
from headstart.progress import Silent
from headstart.workflows.preparing import Prepared, prepare
from headstart.workflows.recipe import Recipe

# One thing to measure: what names it, and how.
Task = tuple[cells.Cell | claims.Resample, Callable[[], Record]]


def main(arguments: list[str] | None = None) -> None:
    """Measure what is not there yet, then print the tables."""
    options = _options(arguments)
    if not options.table:
        with tempfile.TemporaryDirectory() as work:
            for name, place in datasets_in(options.places, Path(work)).items():
                _measure_dataset(name, place, options)
    records = read_lines(options.out)
    if options.write:
        options.write.write_text(page(records), encoding="utf-8")
    print(tables(records))


def _measure_dataset(name: str, place: Path, options: argparse.Namespace) -> None:
    """Every cell of one dataset that is not in the file yet."""
    done = {_key(record) for record in read_lines(options.out)}
    recipe = Recipe(
        backbone=options.backbone, threads=options.threads, time_limit=options.time_limit
    )
    try:
        tasks = list(_tasks(name, prepare(place, recipe, Console()), recipe, options))
    except Exception as error:  # Whatever it is, the other datasets are measured.
        unread = {"kind": "dataset", "dataset": name, "backbone": options.backbone}
        if _key(unread) not in done:
            append_line(options.out, {**unread, **_told(error)})
        return
    for what, how in tasks:
        if _key(what.to_json()) in done:
            continue
        began = time.monotonic()
        try:
            found = how()
        except Exception as error:  # A line, and the run goes on.
            found = _told(error)
        append_line(options.out, {**what.to_json(), "commit": _commit(), **found})
        _say(what.to_json(), found, time.monotonic() - began)


def _tasks(
    name: str, whole: Prepared, recipe: Recipe, options: argparse.Namespace
) -> Iterator[Task]:
    if options.claims:
        for num in claims.sizes_for(len(whole.groups)):
            for seed in range(options.resamples):
                resample = claims.Resample(name, options.backbone, num, seed)
                yield resample, partial(claims.measure, whole, resample, recipe)
        return
    whole = pooled(whole) if options.pooled else whole
    parts = parts_of(whole, recipe)
    largest = int(np.bincount(whole.manifest.class_indices[parts[0]]).max())
    for per_class in options.per_class:
        if per_class is not None and per_class >= largest:
            continue  # The same pictures as "all".
        for seed in range(options.seeds):
            cell = cells.Cell(
                name, options.backbone, per_class, seed, options.rungs, options.pooled
            )
            yield cell, partial(cells.measure, whole, parts, cell, recipe, Silent())


def _key(record: Record) -> tuple[Any, ...]:
    names = ("kind", "dataset", "backbone", "per_class", "num", "seed", "rungs")
    return (*(record.get(name) for name in names), bool(record.get("pooled")))


def _told(error: Exception) -> Record:
    """The error; where it is one of ours there is nothing to look for."""
    if not isinstance(error, HeadstartError):
        traceback.print_exc()
    return {"error": f"{type(error).__name__}: {error}"[:500]}


def _say(what: Record, found: Record, seconds: float) -> None:
    outcome = found.get("error") or "true {accuracy:.4f}".format(**found["truth"])
    named = " ".join(f"{value}" for value in what.values())
    print(f"{named}: {outcome.splitlines()[0]} ({seconds:.0f} s)", flush=True)


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="*", metavar="PLACE")
    parser.add_argument("--out", type=Path, default=Path("panel.jsonl"))
    parser.add_argument("--per-class", type=_numbers, default=(10, 30, 100, None))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rungs", choices=("freeze", "partial", "all"), default="freeze")
    parser.add_argument("--time-limit", type=float, help="seconds for the ladder")
    parser.add_argument("--pooled", action="store_true", help="leave given splits aside")
    parser.add_argument("--backbone", default=DEFAULT)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--claims", action="store_true", help="claims against the truth instead")
    parser.add_argument("--resamples", type=int, default=25, help="of each set and size")
    parser.add_argument("--table", action="store_true", help="only print what was measured")
    parser.add_argument("--write", type=Path, help="the page of the docs")
    options = parser.parse_args(arguments)
    if not options.places and not options.table:
        parser.error("no PLACE to measure (or --table to print what was measured)")
    if options.claims and options.pooled:
        parser.error("--claims draws from whole sets: leave --pooled out")
    return options


def _numbers(text: str) -> tuple[int | None, ...]:
    return tuple(None if word == "all" else int(word) for word in text.split(","))


if __name__ == "__main__":
    main()
