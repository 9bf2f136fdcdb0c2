"""What a report says beside the numbers."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from headstart.workflows.reporting import _alone


def trained(learnable: list[bool]) -> Any:
    best = SimpleNamespace(learnable=np.array(learnable))
    return SimpleNamespace(compared=SimpleNamespace(best=best))


def test_pictures_whose_class_could_not_be_learnt_are_counted() -> None:
    assert _alone(trained([True, True])) == []
    (one,) = _alone(trained([True, False]))
    assert one.startswith("1 training picture counted as wrong in cross-validation")
    (two,) = _alone(trained([False, False]))
    assert two.startswith("2 training pictures counted as wrong")
