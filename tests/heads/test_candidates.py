"""What candidates see."""

import numpy as np
import pytest

from headstart.feature_rows import Selected
from headstart.heads import candidates
from headstart.heads.candidates import Candidate, Seen, features_of


def test_what_a_head_sees_is_written_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_BLOCK", 1000)
    random = np.random.default_rng(0)
    taps = {
        name: random.standard_normal((5000, dim), dtype=np.float32)
        for name, dim in {"a": 3, "b": 2}.items()
    }
    rows = random.random(5000) < 0.9
    whole = np.concatenate([taps["b"], taps["a"]], axis=1)
    roots = np.sign(whole) * np.sqrt(np.abs(whole))
    seen = Candidate("ridge", ("b", "a"))
    assert seen.is_rooted
    np.testing.assert_array_equal(features_of(seen, taps), roots)
    np.testing.assert_array_equal(features_of(seen, taps, rows), roots[rows])
    some = Seen((whole,), is_rooted=True)[np.array([7, 3])]
    np.testing.assert_array_equal(some, roots[[7, 3]])
    plain = Candidate("logistic", ("a",))
    assert not plain.is_rooted
    np.testing.assert_array_equal(features_of(plain, taps, rows), taps["a"][rows])


def test_selected_rows_are_seen_as_copies_of_them_are() -> None:
    random = np.random.default_rng(1)
    every = {name: random.normal(size=(9, 3)).astype(np.float32) for name in ("a", "b")}
    rows, seen = np.array([7, 1, 4, 8]), Candidate("ridge", ("a", "b"))
    some = {name: Selected(values, rows) for name, values in every.items()}
    copies = {name: values[rows] for name, values in every.items()}
    np.testing.assert_array_equal(features_of(seen, some), features_of(seen, copies))
    fold = np.array([True, False, False, True])
    np.testing.assert_array_equal(features_of(seen, some, fold), features_of(seen, copies, fold))
    assert len(some["a"]) == 4 and some["a"].shape == (4, 3)
