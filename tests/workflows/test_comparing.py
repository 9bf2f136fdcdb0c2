"""What is compared, by name and by default."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.errors import SettingError
from headstart.heads.candidates import Candidate
from headstart.heads.catalog import HEADS
from headstart.heads.cross_validation import cross_validate
from headstart.heads.ensemble import MEMBERS
from headstart.metrics.intervals import wilson
from headstart.progress import Silent
from headstart.workflows import comparing
from headstart.workflows.comparing import Compared, candidates_of, must_be_known


def test_a_pooling_gives_each_head_one_vector_and_no_other() -> None:
    taps = ("stage5", "head")
    assert candidates_of(taps, ("ridge", "logistic"), "flatten") == (
        Candidate("ridge", ("flat",), True),
        Candidate("logistic", ("flat",), True),
    )


def test_a_head_may_name_its_own_pooling() -> None:
    found = candidates_of(("stage5", "head"), ("logistic:average", "linear-svc:max", "neighbors"))
    assert found == (
        Candidate("neighbors", ("head",)),
        Candidate("logistic", ("head",)),
        Candidate("linear-svc", ("max",), True),
    )
    assert [candidate.name for candidate in found] == ["neighbors", "logistic", "linear-svc · max"]


def test_an_ensemble_of_the_linear_heads_stands_first() -> None:
    first, *alone = candidates_of(("stage5", "head"), ())
    assert first.head == "ensemble"
    assert first.taps == ("stage5", "head")
    assert first.members == tuple(each for each in alone if each.head in MEMBERS)
    assert {each.head for each in alone} == set(HEADS)


def test_heads_that_are_named_are_compared_alone_unless_an_ensemble_is_named_too() -> None:
    taps = ("stage5", "head")
    alone = candidates_of(taps, ("ridge", "neighbors"))
    assert "ensemble" not in {each.head for each in alone}
    together = candidates_of(taps, ("ridge", "ensemble", "neighbors"))
    assert together[1:] == alone
    assert {each.head for each in together[0].members} == {"ridge"}
    everything = candidates_of(taps, ("ensemble",))
    assert {each.head for each in everything} == {"ensemble", *MEMBERS}


def test_names_are_judged_before_anything_is_read() -> None:
    must_be_known(("ridge", "ensemble", "logistic:flatten"))
    with pytest.raises(SettingError, match="ridgee"):
        must_be_known(("ridgee",))
    with pytest.raises(SettingError, match="average pooling"):
        must_be_known(("ensemble:average",))


def test_the_same_head_named_twice_is_compared_once() -> None:
    found = candidates_of(("stage5", "head"), ("ridge", "ridge:average", "ensemble"))
    assert len(found) == len(set(found))
    assert len({member.name for member in found[0].members}) == len(found[0].members)


def test_what_cannot_be_pooled_is_said() -> None:
    with pytest.raises(SettingError, match="two or more of ridge"):
        candidates_of(("head",), ("ensemble", "neighbors"))


def test_heads_of_tutorials_are_compared_only_when_named_and_see_features_as_they_are() -> None:
    heads = {candidate.head for candidate in candidates_of(("head",), ())}
    assert not heads & {"logistic", "linear-svc", "dense-dropout", "dense-softmax"}
    assert Candidate("ridge", ("head",)).is_rooted
    assert not Candidate("logistic", ("head",)).is_rooted


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="kept in memory here")
def test_scores_of_thousands_of_classes_wait_on_the_disk_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    y = np.arange(90) % 3
    taps = {"head": (random.normal(size=(90, 6)) + np.eye(6)[y]).astype(np.float32)}
    heads = ("ridge", "softmax", "nearest-mean", "neighbors")
    candidates = candidates_of(("head",), (*heads, "ensemble"))
    asked = (candidates, taps, y, np.arange(90), np.arange(90) // 3 % 5, 0, Silent())
    monkeypatch.setattr(comparing, "_MOST_IN_MEMORY", 4 * 90 * 3)
    assert comparing._room(tmp_path)((4, 90, 3)).base is None
    monkeypatch.setattr(comparing, "_MOST_IN_MEMORY", 4 * 90 * 3 - 1)
    room = comparing._room(tmp_path)
    assert room((4, 90, 3)).base is not None
    pairs = zip(cross_validate(*asked), cross_validate(*asked, room=room), strict=True)
    for in_memory, on_disk in pairs:
        np.testing.assert_array_equal(in_memory.scores, on_disk.scores)
        assert in_memory.temperature == on_disk.temperature
        assert in_memory.log_loss == on_disk.log_loss


def test_what_ridge_has_right_is_known_beside_other_heads_on_the_same_taps() -> None:
    right = np.array([True, False])
    scores = [
        SimpleNamespace(candidate=Candidate(head, taps), left_out=known)
        for taps in (("stage5", "head"), ("head",))
        for head, known in (("ridge", right), ("softmax", None))
    ]
    compared = Compared(tuple(scores), 0, (1.0, wilson(1, 2)))  # type: ignore[arg-type]
    assert compared.left_out == {("stage5", "head"): right, ("head",): right}
