from types import SimpleNamespace
from typing import Any

import pytest


def test_every_depth_has_its_rate_and_only_matrices_decay() -> None:
    import torch

    from headstart.finetuning.optimization import optimizer_of, set_rates
    from headstart.finetuning.recipe import Tuning

    shapes = {"a.weight": (2, 2), "b.weight": (2, 2), "b.bias": (2,), "head.weight": (2, 2)}
    parameters = {name: torch.nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()}
    stages = {"a.weight": 1, "b.weight": 3, "b.bias": 3}
    learner: Any = SimpleNamespace(stages=stages, parameters=lambda: parameters)
    tuning = Tuning("all", learning_rate=1e-3, head_learning_rate=5e-3, layer_decay=0.5)
    optimizer = optimizer_of(learner, tuning)
    set_rates(optimizer, 0.1)
    found = {
        name: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for name, parameter in parameters.items()
        if any(parameter is own for own in group["params"])
    }
    assert found == {
        "a.weight": (pytest.approx(2.5e-5), 0.05),
        "b.weight": (pytest.approx(1e-4), 0.05),
        "b.bias": (pytest.approx(1e-4), 0.0),
        "head.weight": (pytest.approx(5e-4), 0.05),
    }
