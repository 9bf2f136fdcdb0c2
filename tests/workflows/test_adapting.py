"""Which rungs come up, and when none is tried."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.errors import NotEnoughData
from headstart.metrics.intervals import Interval
from headstart.strategy.expectation import expect
from headstart.strategy.fitness import Depth, Fitness
from headstart.strategy.ladder import Climb, Rung, Step
from headstart.strategy.matrix import Matrix, Size
from headstart.strategy.rules import CASES
from headstart.workflows.adapting import Adapted, _needs_frozen, adapt, rungs_for
from headstart.workflows.recipe import Recipe


def matrix_with(
    *,
    is_similar: bool | None = True,
    best: str = "head",
    lowest: float = 0.8,
    accuracy: float = 0.7,
) -> Any:
    """A place in the matrix; everything else is ordinary."""
    names = ("stage5", "head", "all taps")
    depths = tuple(
        Depth(name, accuracy, Interval(low, 1.0, 0.95, "wilson"), np.ones(9, dtype=bool))
        for name in names
        for accuracy, low in [(0.9, lowest) if name == best else (0.7, 0.6)]
    )
    similarity = None if is_similar is None else SimpleNamespace(is_similar=is_similar)
    return Matrix(
        size=Size(1000, 1000, 10, 100, 100),
        similarity=cast(Any, similarity),
        fitness=Fitness(depths, 0.7, 1000),
        expectation=expect(accuracy, 0.1, 100, is_similar, 1000),
    )


@pytest.mark.parametrize(
    ("settings", "rungs"),
    [
        ({}, ("top1", "top2", "all")),
        ({"strategy": "freeze"}, ()),
        ({"strategy": "partial"}, ("top1", "top2", "top3")),
        ({"strategy": "full"}, ("all",)),
        ({"strategy": "scratch"}, ("scratch",)),
        ({"train_from": "stage5"}, ("stage5",)),
    ],
)
def test_what_comes_up(settings: dict[str, Any], rungs: tuple[str, ...]) -> None:
    assert rungs_for(Recipe(**settings), matrix_with()) == rungs


def test_far_pictures_and_earlier_taps_begin_deeper() -> None:
    for matrix in (matrix_with(is_similar=False), matrix_with(best="stage5")):
        assert rungs_for(Recipe(), matrix) == ("top2", "top3", "all")
    # Better, but not clearly: as if it were not.
    matrix = matrix_with(best="stage5", lowest=0.65)
    assert rungs_for(Recipe(), matrix) == ("top1", "top2", "all")


def division_of(y: np.ndarray) -> Any:
    return SimpleNamespace(train=np.arange(len(y)), folds=np.arange(len(y)) % 2)


def prepared_of(y: np.ndarray, *, pretrained: bool = True) -> Any:
    return SimpleNamespace(
        manifest=SimpleNamespace(class_indices=y),
        groups=np.arange(len(y)),
        backbone=SimpleNamespace(pretrained=pretrained),
    )


@pytest.mark.parametrize(
    ("settings", "matrix", "pretrained", "per_class", "reason"),
    [
        ({}, {"accuracy": 0.995}, True, 20, "too little to matter"),
        ({}, {}, True, 3, "only 3 independent pictures"),
        ({}, {}, False, 20, "the weights are random"),
    ],
)
def test_nothing_is_tried_and_the_reason_given(
    settings: dict[str, Any],
    matrix: dict[str, Any],
    pretrained: bool,
    per_class: int,
    reason: str,
) -> None:
    y = np.repeat(np.arange(3), per_class)
    found = adapt(
        prepared_of(y, pretrained=pretrained),
        division_of(y),
        cast(Any, None),
        matrix_with(**matrix),
        Recipe(**settings),
        cast(Any, None),
    )
    assert found.climb.taken is None and found.answers is None
    assert {step.outcome for step in found.climb.steps} == {"not tried"}
    assert all(reason in step.reason for step in found.climb.steps)


def test_what_was_asked_for_is_refused_where_it_cannot_be() -> None:
    y, nothing = np.repeat(np.arange(3), 2), cast(Any, None)
    settings = Recipe(strategy="full")
    with pytest.raises(NotEnoughData, match=r"whole network.*only 2 independent pictures"):
        adapt(prepared_of(y), division_of(y), nothing, matrix_with(), settings, nothing)


def test_the_evidence_differs_from_a_book_that_asks_for_other_layers() -> None:
    new_head, lower_level = (CASES[number] for number in (1, 3))
    frozen = {"accuracy": 0.995}
    at_the_end, earlier = (matrix_with(best=tap, **frozen) for tap in ("all taps", "stage5"))
    assert [matrix.evidence[0] for matrix in (at_the_end, earlier)] == ["freeze", "freeze"]
    assert not at_the_end.differs_from(new_head) and at_the_end.differs_from(lower_level)
    assert earlier.differs_from(new_head) and not earlier.differs_from(lower_level)
    assert at_the_end.differs_from(CASES[2])


@pytest.mark.parametrize(
    ("strategy", "pooled", "settings", "stays"),
    [
        ("full", False, {}, True),
        ("full", False, {"heads": ("softmax",)}, False),
        ("full", False, {"heads": ("softmax", "ensemble")}, True),
        ("partial", False, {}, False),
        ("partial", True, {}, True),
        ("scratch", False, {}, False),
    ],
)
def test_the_frozen_network_stays_where_it_is_needed(
    strategy: str, pooled: bool, settings: dict[str, Any], stays: bool, tmp_path: Path
) -> None:
    """To be pooled with; and to say what is unfamiliar, where every layer has learnt."""
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(b"x")
    network = SimpleNamespace(graph=graph)
    prepared = cast(Any, SimpleNamespace(backbone=network, network=network))
    step = Step(Rung("a", strategy, cast(Any, None)), "taken", "", pooled=pooled)
    assert _needs_frozen(step, prepared, Recipe(**settings)) is stays


def test_a_last_training_without_time_is_told_apart_from_an_interrupted_one() -> None:
    cases = {"time": (True, False), "interrupted": (False, True), None: (False, False)}
    for stopped, flags in cases.items():
        found = Adapted(Climb((), None), tuned=cast(Any, SimpleNamespace(stopped=stopped)))
        assert (found.is_out_of_time, found.is_interrupted) == flags
