"""Measures our heads against scikit-learn's own, in turns, on made-up features.

    python benchmarks/heads.py [--quick] [--sizes 25000x1280x2 ...] [--heads ridge ...]
                               [--threads 1] [--rounds 3] [--limit 300] [--json FILE]

The features look like pooled activations: not negative, with a few strong directions and a long
tail of weak ones. Each fit runs in a process of its own, ours and theirs by turns; its seconds
count fitting and scoring 2 000 rows set aside, whose accuracy stands beside. Penalties are the
same on both sides, and scikit-learn gets the features standardised, which counts, as with us.
A ratio is theirs / ours, the median over the rounds, of processor time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import platform
import resource
import subprocess
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifierCV
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, normalize
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from headstart.heads.catalog import make_head
from headstart.heads.spectrum import Rows

SIZES = ("25000x1280x2", "25000x8192x2", "7000x2048x8", "100000x1280x100")
QUICK = ("2500x320x2", "700x640x8", "5000x320x50")
HELD = 2000
GIVEN = 0.1  # The penalty, where one is given, in mean eigenvalues.


class CosineNeighbors(KNeighborsClassifier):  # type: ignore[misc]
    """Their neighbours by the angle, as people do it: rows of length 1."""

    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(normalize(X), y)

    def predict(self, X: Any) -> Any:
        return super().predict(normalize(X))


def rectified(X: Any) -> Any:
    """Random features as people write them in a line."""
    random = np.random.default_rng(0)
    return np.maximum(X @ random.standard_normal((X.shape[1], 2048), dtype=np.float32), 0)


def peers(n: int) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """By the row's name: our head, its settings, and theirs.

    Args:
        n: Number of training rows: the mean eigenvalue of standardised features.
    """
    one_fifth = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
    searched = n * np.logspace(0.5, -2.5, 7)
    ridge = n * np.logspace(-3, 4, 20)
    return {
        "ridge": ("ridge", {"penalties": ridge}, RidgeClassifierCV(ridge)),
        "softmax": (
            *("softmax", {"penalty": GIVEN * n}),
            LogisticRegression(C=1 / (GIVEN * n), max_iter=1000),
        ),
        "softmax, penalty searched": (
            *("softmax", {}),
            LogisticRegressionCV(
                Cs=1 / searched,
                cv=one_fifth,
                max_iter=1000,
                scoring="neg_log_loss",
                use_legacy_attributes=False,
                l1_ratios=(0.0,),
            ),
        ),
        "linear-svm": (
            *("linear-svm", {"C": 1 / (GIVEN * n)}),
            LinearSVC(C=1 / (GIVEN * n), dual="auto"),
        ),
        "fully-connected": (
            *("fully-connected", {}),
            MLPClassifier((256,), early_stopping=True, random_state=0),
        ),
        "nearest-mean": ("nearest-mean", {}, NearestCentroid()),
        "neighbors": ("neighbors", {}, CosineNeighbors(10, weights="distance")),
        "discriminant": (
            *("discriminant", {}),
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        ),
        "random-features": (
            *("random-features", {}),
            make_pipeline(
                FunctionTransformer(rectified), StandardScaler(), RidgeClassifierCV(ridge)
            ),
        ),
    }


def problem(n: int, dim: int, num_classes: int) -> tuple[Any, Any]:
    """Float32 [n + HELD, dim] and int64 labels."""
    random = np.random.default_rng(0)
    y = random.integers(num_classes, size=n + HELD)
    inner = min(dim, 512)
    strength = np.arange(1, inner + 1, dtype=np.float32) ** -0.5
    means = random.normal(size=(num_classes, inner)).astype(np.float32) * strength * 0.13
    mixing = random.normal(size=(inner, dim)).astype(np.float32)
    X = np.empty((n + HELD, dim), dtype=np.float32)
    for start in range(0, len(X), 2000):
        rows = slice(start, start + 2000)
        inside = random.normal(size=(len(X[rows]), inner)).astype(np.float32) * strength
        X[rows] = (inside + means[y[rows]]) @ mixing
        X[rows] += random.normal(size=X[rows].shape)
    return np.maximum(X, 0, out=X), y


def ours(name: str, settings: dict[str, Any]) -> Callable[..., Any]:
    def fit_and_score(X: Any, y: Any, held: Any) -> Any:
        head = make_head(name).set_params(**settings)
        return head.fit_rows(Rows(X), y, None).predict(held)

    return fit_and_score


def theirs(model: Any) -> Callable[..., Any]:
    def fit_and_score(X: Any, y: Any, held: Any) -> Any:
        return make_pipeline(StandardScaler(), model).fit(X, y).predict(held)

    return fit_and_score


def measure(job: Callable[..., Any], X: Any, y: Any, limit: float) -> dict[str, float] | None:
    """One fit in a process of its own; None if it took longer than ``limit`` seconds."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_inside, args=(job, X, y, sender))
    child.start()
    found = receiver.recv() if receiver.poll(limit) else None
    child.kill()
    child.join()
    return found


def _inside(job: Callable[..., Any], X: Any, y: Any, sender: Connection) -> None:
    warnings.simplefilter("ignore")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    processor, wall = time.process_time(), time.perf_counter()
    labels = job(X[:-HELD], y[:-HELD], X[-HELD:])
    sender.send(
        {
            "processor": time.process_time() - processor,
            "wall": time.perf_counter() - wall,
            "megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            "accuracy": float((labels == y[-HELD:]).mean()),
        }
    )


def compare(size: str, heads: list[str], rounds: int, limit: float) -> list[dict[str, Any]]:
    """One record for each head at one size."""
    n, dim, num_classes = map(int, size.split("x"))
    X, y = problem(n, dim, num_classes)
    records = []
    for name, (head, settings, model) in peers(n).items():
        if heads and name not in heads:
            continue
        sides = {"ours": ours(head, settings), "theirs": theirs(model)}
        found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for turn in range(rounds):
            for side in list(sides)[:: -1 if turn % 2 else 1]:
                if one := measure(sides[side], X, y, limit):
                    found[side].append(one)
        records.append({"size": size, "head": name, **_summary(found)})
        print(line(records[-1]), flush=True)
    return records


def _summary(found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    summary: dict[str, Any] = {
        side: {key: median(one[key] for one in runs) for key in runs[0]} if runs else None
        for side, runs in found.items()
    }
    pairs = list(zip(found["ours"], found["theirs"], strict=False))
    for kind in ("processor", "wall"):
        ratios = [their[kind] / our[kind] for our, their in pairs]
        summary[f"{kind}_ratio"] = median(ratios) if ratios else None
    return summary


def line(record: dict[str, Any]) -> str:
    """One row of the table."""

    def side(values: dict[str, float] | None) -> str:
        if values is None:
            return "over the limit | – | –"
        return (
            f"{values['processor']:.2f} s | {100 * values['accuracy']:.1f} % "
            f"| {values['megabytes']:.0f} MB"
        )

    ratio = record["processor_ratio"]
    return (
        f"| {record['size']} | {record['head']} | {side(record['ours'])} "
        f"| {side(record['theirs'])} | {f'{ratio:.1f}' if ratio else '–'} |"
    )


HEADER = """\
| size | head | ours | accuracy | memory | scikit-learn's | accuracy | memory | ratio |
|---|---|---|---|---|---|---|---|---|"""


def conditions(threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    pressure = Path("/proc/pressure/cpu")
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "threads": threads,
        "date": datetime.date.today().isoformat(),
        "commit": commit,
        "pressure": pressure.read_text().splitlines()[0] if pressure.exists() else "not known",
    }


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--sizes", nargs="+")
    parser.add_argument("--heads", nargs="+", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for one fit")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(HEADER)
    records = []
    with threadpool_limits(options.threads):
        for size in options.sizes or (QUICK if options.quick else SIZES):
            records += compare(size, options.heads, options.rounds, options.limit)
    measured = {**conditions(options.threads), "rows": records}
    print("\n" + ", ".join(f"{key} {value}" for key, value in measured.items() if key != "rows"))
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
