from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from panels.cells import Rung, _followed

from headstart.heads.candidates import Candidate
from headstart.strategy.rules import advice_for


def right(share: float) -> np.ndarray:
    """Right about so much of twenty rows."""
    return np.arange(20) < 20 * share


def followed(quadrant: int, strategies: tuple[str, ...]) -> dict[str, float]:
    candidates = [
        Candidate("ridge", ("a", "b", "c")),
        Candidate("ridge", ("c",)),
        Candidate("ridge", ("b",), earlier=True),
        Candidate("ridge", ("a",), earlier=True),
    ]
    depths = [("a", 0.9), ("b", 0.7), ("c", 0.95), ("all taps", 0.99)]
    drawn = SimpleNamespace(
        compared=SimpleNamespace(
            scores=[SimpleNamespace(candidate=each) for each in candidates], chosen=1
        ),
        matrix=SimpleNamespace(
            advice=advice_for(quadrant),
            fitness=SimpleNamespace(
                depths=[SimpleNamespace(name=name, accuracy=value) for name, value in depths]
            ),
        ),
    )
    frozen = [right(0.8), right(0.75), right(0.3), right(0.2)]
    shares = {"top1": 0.5, "top2": 0.6, "all": 0.7}
    rungs = [Rung("freeze", "freeze", frozen[1])]
    rungs += [
        Rung(name, "full" if name == "all" else "partial", right(shares[name]))
        for name in strategies
    ]
    found = _followed(drawn, frozen, rungs[-1], rungs)
    return {guide: float(correct.mean()) for guide, correct in found.items()}


@pytest.mark.parametrize(
    ("quadrant", "decision_map", "four_cases"),
    [(1, 0.7, None), (2, 0.5, 0.7), (3, 0.6, 0.2), (4, 0.75, 0.75)],
)
def test_what_each_guide_gives(
    quadrant: int, decision_map: float, four_cases: float | None
) -> None:
    found = followed(quadrant, ("top1", "top2", "all"))
    assert found["decision map"] == decision_map
    assert found.get("four-case table") == four_cases  # None: from scratch, which is not run
    assert found["headstart"] == 0.7
    assert found["always freeze"] == 0.75
    assert found["always partial"] == 0.5
    assert found["always full"] == 0.7


def test_a_guide_to_a_rung_that_was_not_run_is_left_out() -> None:
    assert set(followed(2, ())) == {"headstart", "always freeze"}
    assert "four-case table" not in followed(2, ("top1",))
