"""What was tried, as people read it."""

from __future__ import annotations

from typing import Any

from headstart.cli.tables import candidate_lines, unusable_lines


def row(name: str, num_images: int, *, chosen: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "num_images": num_images,
        "chosen": chosen,
        "score": 0.9,
        "interval": [0.85, 0.95],
        "log_loss": 0.25,
        "seconds": 1.25,
    }


def test_what_a_part_of_the_pictures_judged_says_so() -> None:
    lines = candidate_lines([row("last block, tuned", 120), row("ensemble", 600, chosen=True)])
    assert lines[1].endswith("1.2   of 120 pictures")
    assert lines[2].endswith("← chosen")
    assert lines[0].index("log loss") + len("log loss") == lines[1].index("0.250") + len("0.250")


def test_what_could_not_be_used_is_named_where_no_list_is_written() -> None:
    rows = [{"path": f"{number}.jpg", "reason": "no_file"} for number in range(5)]
    (line,) = unusable_lines(rows)
    assert line == (
        "5 could not be used (no_file 5); first: 0.jpg, 1.jpg, 2.jpg and 2 more; --json lists all"
    )
    assert unusable_lines(rows[:1]) == ["1 could not be used (no_file 1); first: 0.jpg"]
