from collections import Counter

import numpy as np

from headstart.finetuning.plan import Plan


def _epoch(plan: Plan, epoch: int) -> list[tuple[int, int]]:
    return [item for batch in plan.batches(epoch) for item in batch]


def test_every_picture_once_an_epoch_and_every_view_as_often() -> None:
    plan = Plan(np.arange(100, 150), batch_size=8, views=4, seed=0)
    seen = Counter(item for epoch in range(8) for item in _epoch(plan, epoch))
    assert set(seen) == {(row, view) for row in range(100, 150) for view in range(4)}
    assert set(seen.values()) == {2}
    assert len(plan.batches(0)) == plan.steps == 7
    assert _epoch(plan, 0) != _epoch(plan, 1)
    assert set(plan.items(3)) == {item for epoch in range(3) for item in _epoch(plan, epoch)}


def test_without_a_fixed_number_every_epoch_has_new_views() -> None:
    plan = Plan(np.arange(10), batch_size=4, views=None, seed=0)
    assert {view for _, view in _epoch(plan, 2)} == {3}


def test_a_last_batch_of_one_picture_is_left_out() -> None:
    assert [len(b) for b in Plan(np.arange(9), 4, None, 0).batches(0)] == [4, 4]
    assert [len(b) for b in Plan(np.arange(10), 4, None, 0).batches(0)] == [4, 4, 2]
    assert [len(b) for b in Plan(np.arange(2), 4, None, 0).batches(0)] == [2]


def test_epochs_of_any_length_cut_one_row_of_passes() -> None:
    passes = Plan(np.arange(10), 4, 3, 0)
    for length in (2, 5):
        plan = Plan(np.arange(10), 4, 3, 0, steps_per_epoch=length)
        found = [batch for epoch in range(3) for batch in plan.batches(epoch)]
        expected = [batch for number in range(5) for batch in passes.batches(number)]
        assert found == expected[: 3 * length]
        assert set(plan.items(3)) >= {item for batch in found for item in batch}
