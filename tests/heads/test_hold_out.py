"""Rows set aside inside a fit."""

import numpy as np
import pytest

from headstart.heads.hold_out import hold_outs


@pytest.mark.parametrize("seed", range(5))
def test_few_rows_are_all_judged_once_in_stratified_fifths(seed):
    y = np.repeat([0, 1], [100, 20])
    held = np.array(hold_outs(y, None, seed))
    np.testing.assert_array_equal(held.sum(axis=0), 1)
    np.testing.assert_array_equal(held[:, y == 0].sum(axis=1), 20)
    np.testing.assert_array_equal(held[:, y == 1].sum(axis=1), 4)


def test_many_rows_need_one_fifth():
    assert [held.sum() for held in hold_outs(np.arange(2000) % 2, None, 0)] == [400]


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_whole_and_classes_stay_represented(seed):
    random = np.random.default_rng(seed)
    y, groups = random.integers(6, size=60), random.integers(15, size=60)
    for held in hold_outs(y, groups, seed):
        assert set(y[~held]) == set(y)
        for group in set(groups[held]):
            parted = groups == group
            # A row stays behind only when its class would be gone without it.
            assert held[parted].all() or set(y[parted & ~held]).isdisjoint(y[held])


def test_a_class_with_one_group_is_never_set_aside():
    y = np.array([0, 0, 0, 0, 1, 1])
    groups = np.array([0, 1, 2, 3, 4, 4])
    assert not np.any([held[4:].any() for held in hold_outs(y, groups, 0)])
    assert hold_outs(np.array([0, 1]), None, 0) == []


def test_the_seed_decides():
    y = np.arange(100) % 2
    first, again, other = (np.array(hold_outs(y, None, seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
