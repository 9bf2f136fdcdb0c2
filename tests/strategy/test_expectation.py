"""What adapting may bring, and what a number of pictures can show."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.strategy.expectation import expect, pictures_needed, smallest_detectable


@pytest.mark.parametrize(("gain", "published"), [(0.05, 368), (0.03, 689), (0.02, 1168)])
def test_pictures_needed_as_published(gain: float, published: int) -> None:
    """Simulated figures of the methods' note, which rounds otherwise: within 3 %."""
    assert pictures_needed(gain) == pytest.approx(published, rel=0.03)


def test_so_many_pictures_do_show_it_four_times_in_five() -> None:
    gain, discordance = 0.05, 0.12
    num = pictures_needed(gain)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(
        num, [(discordance + gain) / 2, (discordance - gain) / 2, 1 - discordance], size=4000
    )
    b, c = draws[:, 0], draws[:, 1]
    shown = (b - c) / np.sqrt(b + c) > 1.96
    assert shown.mean() == pytest.approx(0.80, abs=0.03)


def test_smallest_detectable_is_the_inverse() -> None:
    for num in (100, 700, 5000):
        gain = smallest_detectable(num)
        assert pictures_needed(gain) <= num < pictures_needed(gain * 0.98)
    assert smallest_detectable(2) == 1.0


def test_near_the_ceiling_nothing_is_worth_trying() -> None:
    found = expect(0.992, 0.5, 500, True, 1000)
    assert not found.is_worth_trying and "too little to matter" in found.words


@pytest.mark.parametrize(("accuracy", "words"), [(0.955, "+1 point ("), (0.6, "+16 points (")])
def test_one_point_is_spoken_of_as_one(accuracy: float, words: str) -> None:
    assert f"about {words}" in expect(accuracy, 0.5, 30, True, 245).words


def test_a_gain_that_could_not_be_seen_is_not_tried() -> None:
    found = expect(0.955, 0.5, 120, True, 245)
    assert not found.is_worth_trying and "could not prove it" in found.words


def test_weak_features_are_worth_trying() -> None:
    found = expect(0.40, 0.1, 100, False, 1000)
    assert found.fitness == "weak" and found.high == pytest.approx(0.5)
    assert found.is_worth_trying


def test_strong_but_far_counts_as_middling() -> None:
    assert expect(0.95, 0.25, 250, True, 1000).fitness == "strong"
    assert expect(0.95, 0.25, 250, False, 1000).fitness == "middling"


def test_no_gain_exceeds_the_error() -> None:
    found = expect(0.9, 0.1, 50, False, 500)
    assert found.high <= 0.05
    assert found.low <= found.middle <= found.high


def test_features_that_tell_nothing_apart_promise_nothing() -> None:
    """Not even 40 points above nothing: 52 % of 80 pictures may be luck."""
    found = expect(0.52, 0.5, 40, True, 80)
    assert not found.tells_apart and not found.is_worth_trying
    assert "no better than always giving the same answer" in found.words
    assert found.needed is None and found.low < 0
    assert expect(0.52, 0.5, 40, True, 8000).tells_apart
