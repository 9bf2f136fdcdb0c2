from __future__ import annotations

import numpy as np
import pytest
from panels.regret import is_beaten, raw_regret, split_half_regret


def rows(*texts: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in text] for text in texts])


def test_raw_regret_is_the_best_accuracy_less_the_chosen_one() -> None:
    rivals = rows("1110", "1111", "0000")
    assert raw_regret(rivals, rivals[0]) == 0.25
    assert raw_regret(rivals, rivals[1]) == 0
    assert raw_regret(rivals[:1], rivals[2]) == 0.75


def test_a_clear_difference_is_the_same_in_every_half() -> None:
    # Each rival is right about a whole half of every group pair: halves cannot disagree.
    rivals = np.tile(rows("10", "11", "00"), 50)
    groups = np.repeat(np.arange(50), 2)
    assert split_half_regret(rivals, rivals[0], groups) == pytest.approx(0.5)
    assert split_half_regret(rivals, rivals[1], groups) == pytest.approx(0)
    assert split_half_regret(rivals[:1], rivals[1], groups) == pytest.approx(-0.5)


def test_two_groups_are_halved_in_one_way_only() -> None:
    rivals = rows("110000", "111011")
    groups = np.array([0, 0, 0, 1, 1, 1])
    # Second group: the second rival is ahead by 2 of 3; first group: ahead by 1 of 3.
    assert split_half_regret(rivals, rivals[0], groups) == pytest.approx((1 / 3 + 2 / 3) / 2)
    # Where each half prefers another one, what is found loses: 0.5 * (-1/3) + 0.5 * (-1/3).
    crossed = rows("110001", "100011")
    assert split_half_regret(crossed, crossed[0], groups) == pytest.approx((-1 / 3 + 0) / 2)


def test_among_equals_raw_regret_is_luck_and_split_halves_see_none() -> None:
    random = np.random.default_rng(0)
    raw, honest = [], []
    for seed in range(40):
        rivals = random.random((15, 200)) < 0.8
        raw.append(raw_regret(rivals, rivals[0]))
        honest.append(split_half_regret(rivals, rivals[0], np.arange(200), seed))
    assert np.mean(raw) > 0.03
    assert abs(np.mean(honest)) < 3 * np.std(honest) / np.sqrt(40)
    assert abs(np.mean(honest)) < 0.02


def test_beaten_is_more_than_one_of_many_being_lucky() -> None:
    random = np.random.default_rng(0)
    groups = np.arange(400)
    chances = [random.random((16, 400)) < 0.8 for _ in range(400)]
    assert np.mean([is_beaten(rivals, rivals[0], groups) for rivals in chances]) < 0.05
    better = np.stack([chances[0][0], chances[0][0] | (groups < 100)])
    assert is_beaten(better, better[0], groups)
    assert not is_beaten(better, better[1], groups)
    # The same rows as copies of a few are few.
    assert not is_beaten(better, better[0], groups // 100)


def test_nothing_is_beaten_by_itself() -> None:
    rivals = rows("1101")
    assert not is_beaten(rivals, rivals[0], np.arange(4))
