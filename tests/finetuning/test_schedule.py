import warnings

import numpy as np
import pytest

from headstart.finetuning.schedule import factor


def _of_torch(make, steps: int) -> list[float]:
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_and_one_cycle_are_those_of_torch() -> None:
    from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

    steps = 40
    ours = [factor("cosine", 0.0, step, steps) for step in range(steps)]
    np.testing.assert_allclose(ours, _of_torch(lambda o: CosineAnnealingLR(o, steps), steps))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one step more than planned
        theirs = _of_torch(
            lambda o: OneCycleLR(o, 1.0, steps + 1, pct_start=0.25 * steps / (steps + 1)), steps
        )
    ours = [factor("one-cycle", 0.1, step, steps) for step in range(steps)]
    assert ours[:10] == pytest.approx(theirs[:10], abs=1e-9)
    assert ours == pytest.approx(theirs, abs=0.06)
    assert ours[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_warm_up_rises_in_equal_steps_to_the_peak(schedule: str) -> None:
    rates = [factor(schedule, 0.2, step, 50) for step in range(50)]
    assert rates[:10] == pytest.approx([0.1 * (step + 1) for step in range(10)])
    assert max(rates) == rates[9] == 1
    assert schedule == "cosine" or set(rates[9:]) == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle", "constant"])
def test_a_single_step_learns(schedule: str) -> None:
    assert 0 <= factor(schedule, 0.1, 0, 1) <= 1
