"""What held-out pictures can promise."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import SettingError
from headstart.heads.candidates import Candidate
from headstart.heads.selection import CandidateScore
from headstart.model.familiarity import Familiarity
from headstart.workflows.abstaining import held_out_answers, must_be_attainable


def test_pictures_whose_class_no_fit_knew_count_as_wrong() -> None:
    """Class 2 has one picture: where that is held out, its column lies below all others."""
    scores = np.tile([4, 0, -9], (20, 1)).astype(np.float32)
    y = np.append(np.zeros(18, np.int64), [2, 1])
    judged = np.arange(20) < 19
    chosen = CandidateScore(
        candidate=Candidate("ridge", ("head",)),
        scores=scores,
        temperature=1.0,
        correct=judged & (y == 0),
        log_loss=0.0,
        seconds=0.0,
        learnable=judged & (y != 2),
        judged=judged,
    )
    seen = Familiarity(np.zeros((1, 1), np.float16), 1, 1.0, np.zeros(20))
    found = held_out_answers(chosen, y, np.arange(20), seen, 0)
    assert found.correct.tolist() == [True] * 18 + [False]
    expected = found.abstention_at(0.5)
    assert (expected.num_rows, expected.answered, expected.wrong) == (19, 19, 1)
    assert found.nonconformity.argmax() == 18
    assert found.sets(0.9).limit < 0.1 and found.sets(0.95).limit > 0.99


def test_an_error_that_nothing_could_show_is_refused_at_once() -> None:
    """0.99 to the 298th is just above 5 %: 299 faultless answers show 1 %."""
    must_be_attainable(None, np.arange(2))
    must_be_attainable(0.01, np.arange(299))
    with pytest.raises(SettingError, match="1 % cannot be shown with 298 held-out pictures"):
        must_be_attainable(0.01, np.arange(298))
    with pytest.raises(SettingError):
        must_be_attainable(0.01, np.arange(299) // 2)
