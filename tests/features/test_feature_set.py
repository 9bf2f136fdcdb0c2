from pathlib import Path

import numpy as np

from headstart.datasets.facts import Facts
from headstart.features.feature_set import FeatureSet, Taps
from headstart.features.on_disk import OnDisk


def test_a_tap_is_read_once_and_only_when_it_is_asked_for() -> None:
    asked: list[str] = []

    def read(name: str) -> np.ndarray:
        asked.append(name)
        return np.full((2, 3), len(asked), np.float32)

    taps = Taps(("stage1", "head"), read)
    assert list(taps) == ["stage1", "head"]
    assert len(taps) == 2
    assert "head" in taps
    assert "other" not in taps
    assert asked == []
    assert taps["head"].sum() == 6
    assert asked == ["head"]
    assert dict(taps)["stage1"].sum() == 12
    assert asked == ["head", "stage1"]


def test_the_last_tap_of_one_stands_behind_those_of_another() -> None:
    def features(**taps: np.ndarray) -> FeatureSet:
        none = np.empty(0)
        facts = Facts((), none, none, (), (), (), none, none, none)
        return FeatureSet(np.arange(2), taps, facts, (), computed=2, reused=0)

    one, two, new = (np.full((2, 1), number, np.float32) for number in (1, 2, 3))
    frozen, tuned = features(stage1=one, head=two), features(stage1=new, head=new)
    joined = tuned.behind(frozen, "tuned")
    assert tuple(joined.taps) == ("stage1", "head", "tuned")
    rows = np.arange(2)
    assert joined.joined(("stage1", "head", "tuned"), rows).tolist() == [[1, 2, 3]] * 2


def test_selected_rows_of_features_on_the_disk_stay_there(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    kept = OnDisk(values.shape, tmp_path)
    kept[:] = values
    facts = Facts(
        tuple(bytes([k]) for k in range(6)),
        *(np.arange(6),) * 2,
        *(("",) * 6,) * 2,
        (frozenset(),) * 6,
        *(np.arange(6),) * 3,
    )
    whole = FeatureSet(np.arange(6), {"head": kept, "early": values}, facts, (), 6, 0)
    rows = np.array([5, 1, 1])
    some = whole.select(rows)
    assert isinstance(some.taps["early"], np.ndarray)
    assert not isinstance(some.taps["head"], np.ndarray)
    for name in ("early", "head"):
        np.testing.assert_array_equal(some.taps[name][np.array([2, 0])], values[[1, 5]])
