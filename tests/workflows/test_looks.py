"""Looks at test pictures are counted, and said."""

from __future__ import annotations

from pathlib import Path

from headstart.workflows.looks import count_look, in_words


def look(cache: Path, **answers: str) -> int | None:
    return count_look([(name.encode(), answer) for name, answer in answers.items()], cache)


def test_the_same_pictures_are_the_same_set_in_any_order(tmp_path: Path) -> None:
    assert look(tmp_path, a="cat", b="dog") == 1
    assert look(tmp_path, b="cat", a="cat") == 2
    assert look(tmp_path, b="dog", c="dog") == 1
    assert look(tmp_path / "another", a="cat", b="dog") == 1
    assert look(tmp_path, a="dog", b="dog") == 3


def test_who_gives_the_same_answers_again_has_not_looked_anew(tmp_path: Path) -> None:
    assert look(tmp_path, a="cat", b="dog") == 1
    assert look(tmp_path, a="dog", b="dog") == 2
    assert look(tmp_path, b="dog", a="cat") == 1
    assert look(tmp_path, a="dog", b="dog") == 2


def test_what_a_killed_run_began_to_write_is_no_look(tmp_path: Path) -> None:
    assert look(tmp_path, a="cat") == 1
    (place,) = (tmp_path / "looks").iterdir()
    place.write_bytes(place.read_bytes() + b"half")
    assert look(tmp_path, a="cat") == 1
    assert look(tmp_path, a="dog") == 2
    assert look(tmp_path, a="dog") == 2


def test_where_nothing_can_be_written_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "looks").write_text("a file in the way")
    assert look(tmp_path, a="cat") is None
    assert in_words(None) == ""


def test_a_later_look_is_said_to_be_one() -> None:
    assert in_words(1) == "first look at this set"
    assert in_words(3).startswith("look 3 at this set")
