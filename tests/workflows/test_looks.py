"""Looks at test pictures are counted, and said."""

from __future__ import annotations

from pathlib import Path

from headstart.workflows.looks import count_look, in_words


def test_the_same_pictures_are_the_same_set_in_any_order(tmp_path: Path) -> None:
    assert count_look([b"a", b"b"], tmp_path) == 1
    assert count_look([b"b", b"a", b"a"], tmp_path) == 2
    assert count_look([b"b", b"c"], tmp_path) == 1
    assert count_look([b"a", b"b"], tmp_path / "another") == 1
    assert count_look(iter([b"a", b"b"]), tmp_path) == 3


def test_where_nothing_can_be_written_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "looks").write_text("a file in the way")
    assert count_look([b"a"], tmp_path) is None
    assert in_words(None) == ""


def test_a_later_look_is_said_to_be_one() -> None:
    assert in_words(1) == "first look at this set"
    assert in_words(3).startswith("look 3 at this set")
