from __future__ import annotations

from pathlib import Path

from panels.lines import append_line, read_lines


def test_a_half_written_line_is_not_there_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "panel.jsonl"
    append_line(path, {"a": 1})
    append_line(path, {"b": "é\n"})
    whole = path.read_bytes()
    for cut in range(len(whole) - 13, len(whole)):
        path.write_bytes(whole[:cut])
        assert read_lines(path) == [{"a": 1}]
        append_line(path, {"c": 3})
        assert read_lines(path) == [{"a": 1}, {"c": 3}]


def test_nothing_is_there_before_the_first(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "none.jsonl") == []
