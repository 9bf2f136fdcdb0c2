"""Looks at test pictures are counted, and said."""

from __future__ import annotations

from pathlib import Path

from headstart.workflows.looks import count_look, looked_at


def test_the_same_pictures_are_the_same_test_in_any_order(tmp_path: Path) -> None:
    assert count_look([b"a", b"b"], tmp_path) == 1
    assert count_look([b"b", b"a", b"a"], tmp_path) == 2
    assert count_look([b"b", b"c"], tmp_path) == 1
    assert count_look([b"a", b"b"], tmp_path / "another") == 1
    assert count_look(iter([b"a", b"b"]), tmp_path) == 3


def test_where_nothing_can_be_written_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "looks").write_text("a file in the way")
    assert count_look([b"a"], tmp_path) is None
    assert looked_at("test pictures", None) == "test pictures"


def test_only_a_first_look_at_new_pictures_is_called_the_first() -> None:
    assert looked_at("test pictures", 1) == "test pictures (never looked at before)"
    assert looked_at("test pictures", 1, leaked=True) == "test pictures"
    for leaked in (False, True):
        assert "look 3 at them" in looked_at("test pictures", 3, leaked=leaked)
