"""The books' advice, by quadrant."""

from __future__ import annotations

import pytest

from headstart.strategy.rules import advice_for, quadrant_of


@pytest.mark.parametrize(
    ("per_class", "is_similar", "quadrant", "map_says", "table_says"),
    [
        (5000, False, 1, "full", "scratch"),
        (1000, True, 2, "partial", "full"),
        (999, False, 3, "partial", "freeze"),
        (20, True, 4, "freeze", "freeze"),
    ],
)
def test_the_four_places(
    per_class: float, is_similar: bool, quadrant: int, map_says: str, table_says: str
) -> None:
    assert quadrant_of(per_class, is_similar) == quadrant
    assert [advice.strategy for advice in advice_for(quadrant)] == [map_says, table_says]
