"""What a report says beside the numbers."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from headstart.workflows.reporting import _alone, _without_effect


def trained(learnable: list[bool]) -> Any:
    best = SimpleNamespace(learnable=np.array(learnable))
    return SimpleNamespace(compared=SimpleNamespace(best=best))


def test_pictures_whose_class_could_not_be_learnt_are_counted() -> None:
    assert _alone(trained([True, True])) == []
    (one,) = _alone(trained([True, False]))
    assert one.startswith("1 training picture counted as wrong in cross-validation")
    (two,) = _alone(trained([False, False]))
    assert two.startswith("2 training pictures counted as wrong")


def test_settings_of_a_training_that_never_was_are_said_to_have_no_effect() -> None:
    def with_settings(*names: str) -> Any:
        return SimpleNamespace(adapted=SimpleNamespace(without_effect=names))

    assert _without_effect(with_settings()) == []
    (line,) = _without_effect(with_settings("epochs", "dropout"))
    assert line.startswith("no effect of epochs, dropout: nothing was tuned")
