import numpy as np
import pytest

from headstart.datasets.facts import Facts


def facts() -> Facts:
    return Facts(
        digests=(b"a", b"b", b"c"),
        widths=np.array([1, 2, 3]),
        heights=np.array([4, 5, 6]),
        formats=("JPEG", "PNG", "GIF"),
        modes=("RGB", "L", "P"),
        flags=(frozenset(), frozenset({"gray"}), frozenset({"multi_frame"})),
        hashes=np.array([7, 8, 2**63], dtype=np.uint64),
        thumbnails=np.arange(3 * 256).reshape(3, 256).astype(np.uint8),
        qualities=np.array([90, 0, 0]),
    )


def test_select_keeps_columns_together() -> None:
    chosen = facts().select(np.array([2, 0]))
    assert len(chosen) == 2
    assert chosen.digests == (b"c", b"a")
    assert chosen.widths.tolist() == [3, 1]
    assert chosen.heights.tolist() == [6, 4]
    assert chosen.formats == ("GIF", "JPEG")
    assert chosen.modes == ("P", "RGB")
    assert chosen.flags == (frozenset({"multi_frame"}), frozenset())
    assert chosen.hashes.tolist() == [2**63, 7]
    assert chosen.qualities.tolist() == [0, 90]
    assert (chosen.thumbnails == facts().thumbnails[[2, 0]]).all()


def test_columns_of_different_lengths_are_refused() -> None:
    columns = vars(facts())
    with pytest.raises(ValueError, match="'modes': 2"):
        Facts(**{**columns, "modes": ("RGB", "L")})
