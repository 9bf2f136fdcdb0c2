import numpy as np
import pytest

from headstart.errors import SettingError
from headstart.model.out_of_fold import OutOfFold, one_of_each


def answers(num_rows, groups=None, seed=0):
    random = np.random.default_rng(seed)
    p = random.dirichlet((8, 1, 1), num_rows).astype(np.float32)
    y = (p.cumsum(axis=1) > random.random((num_rows, 1))).argmax(axis=1)
    groups = np.arange(num_rows) if groups is None else groups
    return OutOfFold.of(p, y, groups, np.arange(num_rows) % 10 > 0, seed=0)


def test_one_of_each_group_whichever():
    groups = np.array([7, 3, 7, 7, 3, 9])
    found = [one_of_each(groups, seed) for seed in range(200)]
    assert all(sorted(groups[rows]) == [3, 7, 9] for rows in found)
    assert all((np.diff(rows) > 0).all() for rows in found)
    counts = np.bincount(np.concatenate(found), minlength=6)
    assert counts[5] == 200
    assert (abs(counts[[0, 2, 3]] - 200 / 3) < 25).all()
    assert (one_of_each(groups, 5) == one_of_each(groups, 5)).all()


def test_at_most_ten_thousand_from_everywhere():
    rows = one_of_each(np.arange(30_000), 0)
    assert len(rows) == 10_000
    assert rows.mean() == pytest.approx(15_000, abs=300)


def test_copies_promise_nothing_more():
    """The same 30 pictures a hundred times over are 30 pictures."""
    many = answers(3000, groups=np.arange(3000) % 30)
    assert many.abstention_at(0.0).num_rows == 30
    with pytest.raises(SettingError, match="30 held-out pictures"):
        many.abstention(0.05)
    with pytest.raises(SettingError, match="from 30 held-out pictures"):
        many.sets(0.99)


def test_what_is_unfamiliar_is_not_answered():
    assert answers(1000).abstention_at(0.0).coverage == 0.9


def test_the_error_says_what_can_be_had():
    held_out = answers(400)
    with pytest.raises(SettingError) as error:
        held_out.abstention(0.001)
    assert " % or more (95 % confidence)" in error.value.expected
    least = float(error.value.expected.split("%")[0]) / 100
    assert held_out.abstention(least).max_error == least
    with pytest.raises(SettingError) as error:
        held_out.sets(0.999)
    most = float(error.value.expected.removeprefix("at most ").removesuffix(" %")) / 100
    assert held_out.sets(most).level == most


def test_arrays_there_and_back():
    held_out = answers(100)
    again = OutOfFold.from_arrays(held_out.to_arrays(), held_out.method)
    assert again.abstention_at(0.7) == held_out.abstention_at(0.7)
    assert again.sets(0.9).limit == held_out.sets(0.9).limit
