"""Exact leave-one-out along the depth."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.heads.ridge import RidgeHead
from headstart.strategy.fitness import ALL_TAPS, fitness

rng = np.random.default_rng(3)
y = np.arange(90) % 3
informative = (np.eye(3)[y] + rng.normal(0, 0.4, (90, 3))).astype(np.float32) ** 2
noise = rng.random((90, 6)).astype(np.float32)
taps = {"stage3": informative, "head": noise}


def test_the_informative_depth_is_found() -> None:
    found = fitness(taps, y, np.arange(90), 0)
    assert [depth.name for depth in found.depths] == ["stage3", "head", ALL_TAPS]
    assert found.best_single.name == "stage3" and found.is_earlier_better
    assert found.depths[1].accuracy < 0.6


def test_the_accuracy_is_that_of_leaving_out_for_real() -> None:
    found = fitness({"head": informative}, y, np.arange(90), 0)
    X = np.sqrt(informative)
    penalty = RidgeHead().fit(X, y).penalty_
    scale, mean = X.std(axis=0), X.mean(axis=0)
    X = (X - mean) / scale
    right = 0
    for row in range(90):
        kept = np.arange(90) != row
        A, T = X[kept], np.eye(3)[y[kept]]
        centre, target = A.mean(axis=0), T.mean(axis=0)
        gram = (A - centre).T @ (A - centre) + penalty * np.eye(3)
        weight = np.linalg.solve(gram, (A - centre).T @ (T - target))
        right += int(((X[row] - centre) @ weight + target).argmax() == y[row])
    assert found.depths[0].accuracy == right / 90


def test_copies_do_not_vote_for_each_other() -> None:
    """Each row twice, labels at random: without groups a row's copy would give its label away."""
    X = np.repeat(rng.random((60, 8)).astype(np.float32), 2, axis=0)
    labels = np.repeat(rng.integers(0, 2, 60), 2)
    together = fitness({"head": X}, labels, np.repeat(np.arange(60), 2), 0)
    apart = fitness({"head": X}, labels, np.arange(120), 0)
    assert together.neighbours < apart.neighbours - 0.1


@pytest.mark.parametrize("sizes", [(8, 4), (12,)])
def test_the_own_group_has_no_vote_where_others_are_few(sizes: tuple[int, ...]) -> None:
    """Four rows of the other class vote, or none: never the seven that stand beside a row."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    found = fitness({"head": rng.random((12, 8)).astype(np.float32)}, groups, groups, 0)
    assert found.neighbours == 0


def test_many_rows_are_sampled() -> None:
    many = rng.random((2300, 4)).astype(np.float32)
    labels = np.arange(2300) % 2
    assert fitness({"head": many}, labels, np.arange(2300), 0).num_rows == 2000


def test_what_is_known_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = np.arange(90) // 2
    judged = fitness(taps, y, groups, 0)
    known = dict(zip([("stage3",), ("head",), ("stage3", "head")], judged.depths, strict=True))
    monkeypatch.setattr("headstart.strategy.fitness.RidgeHead", None)
    found = fitness(taps, y, groups, 0, known={k: depth.correct for k, depth in known.items()})
    assert found.to_json() == judged.to_json()
    del known[("head",)]
    with pytest.raises(TypeError):
        fitness(taps, y, groups, 0, known={k: depth.correct for k, depth in known.items()})
