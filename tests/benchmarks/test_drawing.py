from __future__ import annotations

import numpy as np
from panels.drawing import draw, draw_per_class

Y = np.repeat([0, 1, 2], [40, 25, 5])
GROUPS = np.arange(70) // 3  # of three; some straddle classes


def are_whole(rows: np.ndarray) -> bool:
    return not set(GROUPS[rows]) & set(np.delete(GROUPS, rows))


def test_so_many_of_each_class_and_all_of_a_small_one() -> None:
    rows = draw_per_class(Y, GROUPS, 10, seed=0)
    counts = np.bincount(Y[rows])
    assert are_whole(rows)
    assert counts[2] == 5
    assert all(10 <= count <= 12 for count in counts[:2])


def test_alone_they_are_counted_exactly() -> None:
    rows = draw_per_class(Y, np.arange(70), 10, seed=0)
    assert np.bincount(Y[rows]).tolist() == [10, 10, 5]


def test_a_sample_has_whole_groups_and_not_too_many_rows() -> None:
    rows = draw(GROUPS, 31, seed=0)
    assert are_whole(rows)
    assert len(rows) == len(set(rows.tolist())) == 31  # ten of three, and the group of one


def test_another_seed_is_another_sample() -> None:
    assert draw(GROUPS, 30, seed=0).tolist() == draw(GROUPS, 30, seed=0).tolist()
    assert draw(GROUPS, 30, seed=0).tolist() != draw(GROUPS, 30, seed=1).tolist()
