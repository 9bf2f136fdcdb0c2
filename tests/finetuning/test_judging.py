"""How far to go from the first weights."""

from __future__ import annotations

from headstart.finetuning.judging import preferred_share

LOSSES = {0.0: 0.52, 0.5: 0.49, 0.75: 0.49, 1.0: 0.48}


def test_few_rows_do_not_lead_to_an_end() -> None:
    assert preferred_share(LOSSES, 20) in (0.5, 0.75)
    assert preferred_share({0.0: 0.1, 0.5: 0.2, 1.0: 0.3}, 3) == 0.5


def test_many_rows_or_clear_ones_do() -> None:
    assert preferred_share(LOSSES, 2000) == 1.0
    assert preferred_share({0.0: 0.1, 0.5: 0.9, 1.0: 1.6}, 20) == 0.0
    assert preferred_share({0.25: 3.0}, 1) == 0.25


def test_what_went_wrong_is_not_kept_on_the_word_of_two_rows() -> None:
    assert preferred_share({0.0: 0.29, 0.5: 0.69, 1.0: 0.69}, 2) == 0.0
