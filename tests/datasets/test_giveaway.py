from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.datasets.facts import Facts
from headstart.datasets.giveaway import giveaways, leave_one_out
from headstart.datasets.manifest import Manifest

rows = st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), min_size=1, max_size=30)


@settings(deadline=None)
@given(rows)
def test_leave_one_out_is_the_slow_loop(drawn: list[tuple[int, str]]) -> None:
    values, labels = [v for v, _ in drawn], [label for _, label in drawn]
    largest = Counter(labels).most_common(1)[0][0]
    right = 0.0
    for row, (value, label) in enumerate(drawn):
        others = Counter(y for i, (v, y) in enumerate(drawn) if i != row and v == value)
        best = [y for y, n in others.items() if n == max(others.values())] or [largest]
        right += (label in best) / len(best)
    assert leave_one_out(values, labels) == pytest.approx(right / len(drawn))


def dataset(
    labels: list[str], sizes: list[tuple[int, int]], formats: list[str], copies: int = 1
) -> tuple[Manifest, Facts]:
    number = len(labels)
    manifest = Manifest(
        Path(), tuple(f"{i}.jpg" for i in range(number)), tuple(labels), ("",) * number,
        ("",) * number, "table",
    )  # fmt: skip
    facts = Facts(
        digests=tuple(str(i // copies).encode() for i in range(number)),
        widths=np.array([width for width, _ in sizes]),
        heights=np.array([height for _, height in sizes]),
        formats=tuple(formats),
        modes=("RGB",) * number,
        flags=(frozenset(),) * number,
        hashes=np.zeros(number, dtype=np.uint64),
    )
    return manifest, facts


def test_a_size_that_tells_the_class_is_measured() -> None:
    labels = ["cat"] * 100 + ["dog"] * 100
    sizes = [(300, 200)] * 90 + [(200, 200)] * 10 + [(200, 200)] * 100
    (size, aspect) = giveaways(*dataset(labels, sizes, ["JPEG"] * 200))
    assert size.severity == aspect.severity == "problem"
    assert size.message == (
        "the size in pixels alone tells the class of 95% of 200 pictures; "
        "naming the largest class is right for 50% (+45 points)"
    )
    assert size.examples == ("200 × 200: dog 100 of 110", "300 × 200: cat 90 of 90")
    assert "aspect ratio" in aspect.message


def test_a_format_that_helps_a_little_less() -> None:
    labels = ["cat"] * 100 + ["dog"] * 100
    formats = ["PNG"] * 40 + ["JPEG"] * 160
    (found,) = giveaways(*dataset(labels, [(9, 9)] * 200, formats))
    assert found.severity == "warning"
    assert "file format alone tells the class of 70%" in found.message


def test_chance_and_copies_give_nothing_away() -> None:
    random = np.random.default_rng(0)
    labels = [str(label) for label in random.choice(["cat", "dog"], 400)]
    sizes = [(int(width), 10) for width in random.integers(10, 14, 400)]
    assert giveaways(*dataset(labels, sizes, ["JPEG"] * 400)) == []
    # Every size comes twice only because every picture does.
    labels = ["cat"] * 100 + ["dog"] * 100
    sizes = [(1000 + 10 * (i // 2), 1000) for i in range(200)]
    found = giveaways(*dataset(labels, sizes, ["JPEG"] * 200, copies=2))
    assert not any("size in pixels" in finding.message for finding in found)


def test_few_pictures_prove_nothing() -> None:
    labels = ["cat"] * 6 + ["dog"] * 6
    formats = ["PNG"] * 6 + ["JPEG"] * 6
    assert giveaways(*dataset(labels, [(9, 9)] * 12, formats)) == []
