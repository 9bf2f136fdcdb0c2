"""docs/performance.md from what `performance.py` measured; parts that were not stay a dash."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

Found = dict[str, Any]


def page(found: Found) -> str:
    """The filled template."""
    template = Path(__file__).with_suffix("").with_name("performance.md")
    sections = {
        "extraction": (_extraction, "a"),
        "whole_fit": (_whole_fit, "b"),
        "second_fit": (_second_fit, "c"),
        "heads": (_heads, "d"),
        "one_picture": (_one_picture, "e"),
        "growth": (_growth, "f"),
    }
    filled = {
        name: make(found[part]) if part in found else "–" for name, (make, part) in sections.items()
    }
    return template.read_text(encoding="utf-8").format(**filled, **found["about"])


def _table(head: str, rows: Iterable[str]) -> str:
    line = "|".join("---" for _ in range(head.count("|") - 1))
    return "\n".join([head, f"|{line}|", *rows])


def _extraction(sizes: Found) -> str:
    return "\n\n".join(_of_one_size(name, size) for name, size in sizes.items())


def _of_one_size(name: str, size: Found) -> str:
    rows = (
        f"| {subject} | {1e3 / row['ms']:.1f} | {row['times_the_loop']:.1f} | {row['cpu_ms']:.2f} "
        f"| {row['process_peak_mb']:.0f} | {row['pressure']:.2f} |"
        for subject, row in size["subjects"].items()
    )
    head = (
        f"| {name} JPEG | pictures/s | × tutorial loop | core-ms a picture | peak MB | pressure |"
    )
    return (
        f"{_table(head, rows)}\n\nBound: {1e3 / size['bound_ms']:.1f} pictures/s; reached "
        f"**{100 * size['fraction_of_bound']:.0f} %** of it (by processor time alone "
        f"{100 * size['fraction_by_cpu']:.0f} %)."
    )


def _whole_fit(rows: Found) -> str:
    return _table(
        "| | seconds | × ours | accuracy | p | peak MB | pressure |",
        (
            f"| {name} | {row['seconds']:.0f} | {row['times_ours']:.1f} "
            f"| {100 * row['accuracy']:.2f} % of {row['pictures']} | {row['p']:.2g} "
            f"| {row['peak_mb']:.0f} | {row['pressure']:.2f} |"
            for name, row in rows.items()
        ),
    )


def _second_fit(found: Found) -> str:
    rows = {name: row for name, row in found.items() if name != "pictures"}
    return _table(
        f"| {found['pictures']} pictures | seconds | share of the first | pressure |",
        (
            f"| {name} | {row['seconds']:.1f} | {100 * row['share_of_first']:.1f} % "
            f"| {row['pressure']:.2f} |"
            for name, row in rows.items()
        ),
    )


def _heads(found: Found) -> str:
    # Not at the top: it brings scikit-learn.
    from heads import HEADER, line

    return "\n".join([HEADER, *map(line, found["rows"])])


def _one_picture(found: Found) -> str:
    table = _table(
        "| from the start of the process | seconds | core-seconds | peak MB | pressure |",
        (
            f"| {name} | {row['seconds']:.3f} | {row['cpu_seconds']:.3f} "
            f"| {row['process_peak_mb']:.0f} | {row['pressure']:.2f} |"
            for name, row in found["subjects"].items()
        ),
    )
    return (
        f"{table}\n\n`headstart predict` takes **{found['times_the_bare_script']:.2f}** times the "
        f"bare script; `headstart --help` {found['help_times_click']:.2f} times Python importing "
        f"click. From a loaded classifier: {found['warm_ms']:.1f} ms a picture."
    )


def _growth(found: Found) -> str:
    return _table(
        "| small pictures | command | seconds | ms a picture | peak MB | pressure |",
        (
            f"| {count} | {name} | {row['seconds']:.1f} | {1e3 * row['seconds'] / int(count):.2f} "
            f"| {row['process_peak_mb']:.0f} | {row['pressure']:.2f} |"
            for count, rows in found.items()
            for name, row in rows.items()
        ),
    )
