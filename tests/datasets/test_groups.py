import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.datasets.groups import merge_groups, one_name_each, union

ROWS = 9
Pairs = list[tuple[int, int]]
some_pairs = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)), max_size=12)


def slow_union(number: int, pairs: Pairs) -> list[int]:
    """Repaint until nothing changes, then number by first appearance."""
    paint = list(range(number))
    for _ in range(number):
        for one, other in pairs:
            paint[one] = paint[other] = min(paint[one], paint[other])
    order = list(dict.fromkeys(paint))
    return [order.index(colour) for colour in paint]


@settings(deadline=None)
@given(some_pairs)
def test_union_is_what_repainting_gives(pairs: Pairs) -> None:
    found = union(ROWS, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    assert found.dtype == np.int64
    assert found.tolist() == slow_union(ROWS, pairs)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "p", "q"]), min_size=ROWS, max_size=ROWS), some_pairs)
def test_names_and_copies_connect(named: list[str], pairs: Pairs) -> None:
    found = merge_groups(tuple(named), np.array(pairs, dtype=np.int64).reshape(-1, 2))
    same = [(i, j) for i in range(ROWS) for j in range(i) if named[i] and named[i] == named[j]]
    assert found.tolist() == slow_union(ROWS, [*pairs, *same])


def test_no_rows() -> None:
    assert union(0, np.empty((0, 2), dtype=np.int64)).tolist() == []
    assert merge_groups((), np.empty((0, 2), dtype=np.int64)).tolist() == []


def test_names_of_one_picture_become_one() -> None:
    found = one_name_each([{"a"}, {"c", "b"}, {"d", "c"}, {"x", "y"}, set()])
    assert found == {"b": "b", "c": "b", "d": "b", "x": "x", "y": "x"}
    assert one_name_each([{"a"}, {"b"}]) == {}
