from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.datasets.facts import Facts
from headstart.datasets.giveaway import giveaways
from headstart.datasets.manifest import Manifest


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
        thumbnails=np.zeros((number, 256), dtype=np.uint8),
        qualities=np.full(number, 90),
    )
    return manifest, facts


def test_a_size_that_tells_the_class_is_measured() -> None:
    labels = ["cat"] * 100 + ["dog"] * 100
    sizes = [(300, 200)] * 90 + [(200, 200)] * 10 + [(200, 200)] * 100
    (size,) = giveaways(*dataset(labels, sizes, ["JPEG"] * 200))
    assert size.severity == "problem"
    assert size.message == (
        "the size in pixels alone tells the class for 95% of 200 pictures; "
        "one answer for all is right for 50% (+45 points)"
    )
    assert size.examples == ("200 × 200: dog 100 of 110", "300 × 200: cat 90 of 90")


def test_a_border_that_tells_the_class() -> None:
    """One class photographed on white: suspicious, though it may be what is asked for."""
    labels = ["cat"] * 100 + ["dog"] * 100
    manifest, facts = dataset(labels, [(9, 9)] * 200, ["JPEG"] * 200)
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (200, 16, 16), dtype=np.uint8)
    assert giveaways(manifest, replace(facts, thumbnails=small.reshape(200, 256))) == []
    small[:95, [0, -1], :], small[:95, :, [0, -1]] = 250, 250
    (border,) = giveaways(manifest, replace(facts, thumbnails=small.reshape(200, 256)))
    assert border.severity == "warning"
    assert "the border of the picture alone tells the class for 98% of 200" in border.message
    assert border.examples == ("medium: dog 100 of 105", "bright: cat 95 of 95")
    # Fewer than that are how honest pictures differ.
    small[50:] = random.integers(0, 256, (150, 16, 16), dtype=np.uint8)
    assert giveaways(manifest, replace(facts, thumbnails=small.reshape(200, 256))) == []


def test_one_class_whose_sizes_are_its_own() -> None:
    """Scanned at one size, but for one class that was collected from everywhere."""
    random = np.random.default_rng(0)
    labels = [f"scan{k}" for k in range(5) for _ in range(60)] + ["web"] * 60
    sizes = [(512, 512)] * 300
    sizes += [(int(w), int(h)) for w, h in random.integers(150, 500, (60, 2))]
    (found,) = giveaways(*dataset(labels, sizes, ["JPEG"] * 360))
    assert "tells web from the rest for 100%" in found.message


def test_a_format_that_helps_a_little_less() -> None:
    labels = ["cat"] * 100 + ["dog"] * 100
    formats = ["PNG"] * 40 + ["JPEG"] * 160
    (found,) = giveaways(*dataset(labels, [(9, 9)] * 200, formats))
    assert found.severity == "warning"
    assert "file format alone tells the class for 70%" in found.message


def test_chance_and_copies_give_nothing_away() -> None:
    random = np.random.default_rng(0)
    labels = [str(label) for label in random.choice(["cat", "dog"], 400)]
    sizes = [(int(width), 10) for width in random.integers(10, 14, 400)]
    assert giveaways(*dataset(labels, sizes, ["JPEG"] * 400)) == []
    # Every size comes twice only because every picture does.
    labels = ["cat"] * 100 + ["dog"] * 100
    sizes = [(1000 + int(width), 1000) for width in np.repeat(random.permutation(100), 2)]
    found = giveaways(*dataset(labels, sizes, ["JPEG"] * 200, copies=2))
    assert not any("size in pixels" in finding.message for finding in found)


def test_few_pictures_prove_nothing() -> None:
    labels = ["cat"] * 6 + ["dog"] * 6
    formats = ["PNG"] * 6 + ["JPEG"] * 6
    assert giveaways(*dataset(labels, [(9, 9)] * 12, formats)) == []


def test_a_class_that_was_saved_otherwise_is_known_by_it() -> None:
    labels = ["cat"] * 100 + ["dog"] * 100
    manifest, facts = dataset(labels, [(9, 9)] * 200, ["JPEG"] * 200)
    assert giveaways(manifest, facts) == []
    (found,) = giveaways(manifest, replace(facts, qualities=np.array([92, 40]).repeat(100)))
    assert found.message.startswith("the JPEG quality alone tells the class for 100%")
    assert found.examples[0] == "92: cat 100 of 100"
