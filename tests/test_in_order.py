"""Results in the order of the things, a few ahead, whatever is slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from headstart.in_order import in_order


def test_the_order_is_that_of_the_things() -> None:
    def slow_first(thing: int) -> int:
        time.sleep(0.02 if thing == 0 else 0)
        return thing * thing

    assert list(in_order(slow_first, range(20), 3, 4, "test")) == [n * n for n in range(20)]


def test_only_a_few_are_taken_ahead() -> None:
    taken = []

    def things() -> Iterator[int]:
        for thing in range(100):
            taken.append(thing)
            yield thing

    results = in_order(lambda thing: thing, things(), 2, 3, "test")
    assert next(results) == 0
    assert len(taken) == 6
    results.close()  # type: ignore[attr-defined]


def test_an_error_reaches_who_asks_and_the_threads_end() -> None:
    def work(thing: int) -> int:
        if thing == 2:
            raise ValueError("two")
        return thing

    results = in_order(work, range(5), 2, 1, "raising")
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("headstart-raising")]
