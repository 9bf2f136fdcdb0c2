import numpy as np

from headstart.features.feature_set import Taps


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
