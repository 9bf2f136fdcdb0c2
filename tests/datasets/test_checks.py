from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.datasets import checks
from headstart.datasets.facts import Facts
from headstart.datasets.manifest import Manifest
from headstart.unusable import Unusable


def manifest(labels: str, splits: str = "", **changes: Any) -> Manifest:
    """Pictures 0.jpg, 1.jpg, …: a letter of ``labels`` each, and of ``splits`` (t, v, e)."""
    number = len(labels)
    words = {"t": "train", "v": "validation", "e": "test"}
    columns = {
        "root": Path("/data/pets"),
        "ids": tuple(f"{row}.jpg" for row in range(number)),
        "labels": tuple(labels),
        "splits": tuple(words[letter] for letter in splits) or ("",) * number,
        "groups": ("",) * number,
        "layout": "table",
    }
    return Manifest(**{**columns, **changes})


def facts(number: int, **changes: Any) -> Facts:
    columns = {
        "digests": tuple(bytes([row]) for row in range(number)),
        "widths": np.full(number, 100),
        "heights": np.full(number, 80),
        "formats": ("JPEG",) * number,
        "modes": ("RGB",) * number,
        "flags": (frozenset(),) * number,
        "hashes": np.zeros(number, dtype=np.uint64),
        "thumbnails": np.tile(np.arange(256, dtype=np.uint8), (number, 1)),
        "qualities": np.full(number, 90),
    }
    return Facts(**{**columns, **changes})


def pairs(*rows: tuple[int, int]) -> checks.Pairs:
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def test_nothing_is_found_in_a_sound_dataset() -> None:
    assert checks.findings(manifest("ab" * 10), facts(20)) == ()


def test_everything_together_is_sorted_by_severity() -> None:
    found = checks.findings(
        manifest("a" * 40 + "b" * 10, "te" * 25),
        facts(50, formats=("PNG",) * 25 + ("JPEG",) * 25),
        exact=pairs((0, 1), (2, 4)),
        near=pairs((3, 45)),
        unusable=[Unusable("x.jpg", "truncated")],
    )
    assert [finding.kind for finding in found] == [
        *("conflicting_duplicates", "leakage", "truncated", "exact_duplicates"),
        *("imbalance", "near_duplicates", "wrong_extension"),
    ]


def test_leakage_counts_pictures_not_pairs() -> None:
    # Copies reach over others: 2 is in training by way of 1.
    found = checks.leakage(
        manifest("aaaabb", "teeeet"), pairs((0, 1)), pairs((1, 2), (3, 4)), pairs()
    )
    (leak,) = found
    assert (leak.kind, leak.severity, leak.count) == ("leakage", "problem", 2)
    assert leak.message == "2 of 4 pictures of test stand in train too, 1 byte for byte"
    assert leak.examples == ("1.jpg = 0.jpg", "2.jpg = 0.jpg")


def test_leakage_of_mirrored_pictures_is_said() -> None:
    (leak,) = checks.leakage(
        manifest("aaaaa", "tttee"), pairs((0, 3)), pairs(), pairs((0, 3), (1, 4))
    )
    assert leak.message == (
        "2 of 2 pictures of test stand in train too, 1 byte for byte, 1 mirrored or turned"
    )


def test_leakage_between_all_splits() -> None:
    found = checks.leakage(manifest("ababab", "tvetve"), pairs((0, 1), (0, 2)), pairs(), pairs())
    assert [finding.message for finding in found] == [
        "1 of 2 pictures of test stand in train too, 1 byte for byte",
        "1 of 2 pictures of validation stand in train too, 1 byte for byte",
        "1 of 2 pictures of test stand in validation too, 1 byte for byte",
    ]
    assert checks.leakage(manifest("abab"), pairs((0, 1)), pairs(), pairs()) == []


def test_the_same_picture_in_two_classes() -> None:
    (found,) = checks.conflicting_duplicates(
        manifest("aabbb"), exact=pairs((0, 2), (3, 4)), near=pairs((1, 3))
    )
    assert (found.severity, found.count) == ("problem", 5)  # 4 by way of 3
    assert found.message.endswith("of another class, 2 byte for byte")
    assert found.examples == ("0.jpg (a) = 2.jpg (b)", "1.jpg (a) = 3.jpg (b)")
    assert checks.conflicting_duplicates(manifest("aabb"), pairs((0, 1)), pairs((2, 3))) == []


def test_every_copy_counts_where_one_has_another_label() -> None:
    # 0 = 1 = 2, written as a star of pairs and as a chain.
    for exact in (pairs((0, 1), (0, 2)), pairs((0, 1), (1, 2)), pairs((0, 2), (1, 2))):
        (found,) = checks.conflicting_duplicates(manifest("aabb"), exact, pairs())
        assert found.count == 3
        assert found.message == ("3 pictures are the same as one of another class, 3 byte for byte")


def test_blank_pictures() -> None:
    thumbnails = np.zeros((3, 256), np.uint8)
    thumbnails[1, :128], thumbnails[2] = 40, 255
    (found,) = checks.blank_pictures(manifest("aab"), facts(3, thumbnails=thumbnails))
    assert (found.kind, found.severity, found.count) == ("blank_pictures", "warning", 2)
    assert found.examples == ("0.jpg (a): gray level 0", "2.jpg (b): gray level 255")


def test_mirrored_copies_are_noted() -> None:
    (found,) = checks.turned_duplicates(manifest("aaa"), pairs((0, 2)))
    assert (found.severity, found.message) == ("note", "2 pictures have a mirrored or turned copy")
    assert found.examples == ("0.jpg = 2.jpg",)
    assert checks.turned_duplicates(manifest("aa"), pairs()) == []


def test_copies_are_counted_once_each() -> None:
    (exact,) = checks.exact_duplicates(manifest("aaaaa"), pairs((0, 1), (0, 2), (3, 4)))
    assert exact.count == 3  # two too many of the first, one of the second
    (near,) = checks.near_duplicates(manifest("aaaaa"), pairs((0, 1), (0, 2)))
    assert near.count == 3
    assert checks.exact_duplicates(manifest("aa"), pairs()) == []
    assert checks.near_duplicates(manifest("aa"), pairs()) == []


def test_unusable_by_reason() -> None:
    rows = [
        Unusable("a.jpg", "no_row"),
        Unusable("b.jpg", "conflicting_labels", "cat, dog"),
        *(Unusable(f"{row}.jpg", "truncated") for row in range(7)),
    ]
    found = {finding.kind: finding for finding in checks.unusable_files(rows)}
    assert {kind: finding.severity for kind, finding in found.items()} == {
        "truncated": "warning",
        "no_row": "note",
        "conflicting_labels": "problem",
    }
    assert found["truncated"].count == 7
    assert len(found["truncated"].examples) == 7
    assert found["conflicting_labels"].examples == ("b.jpg: cat, dog",)


@pytest.mark.parametrize(
    ("labels", "severity"),
    [("a" * 29 + "b" * 10, None), ("a" * 30 + "b" * 10, "note"), ("a" * 100 + "b" * 10, "warning")],
)
def test_imbalance(labels: str, severity: str | None) -> None:
    found = [finding.severity for finding in checks.class_sizes(manifest(labels))]
    assert found == ([severity] if severity else [])


def test_small_and_empty_classes() -> None:
    found = checks.class_sizes(manifest("a" * 10 + "b" * 9 + "c", declared=("a", "b", "c", "d")))
    assert [(f.kind, f.severity, f.examples) for f in found[:3]] == [
        ("empty_class", "warning", ("d",)),
        ("single_picture", "problem", ("c",)),
        ("tiny_class", "warning", ("b",)),
    ]


def test_one_class_and_several_are_spoken_of_as_such() -> None:
    for labels, words in (
        ("a" * 10 + "bb" + "c", ("1 class has", "it", "it")),
        ("a" * 10 + "bbddd" + "ce", ("2 classes have", "them", "them")),
    ):
        single, few = checks.class_sizes(manifest(labels))[:2]
        assert single.message.startswith(f"{words[0]} one picture: nothing can judge {words[1]} (")
        assert f"{words[0]} fewer than 10 pictures: figures on {words[2]} will" in few.message


def test_nearly_equal_class_names() -> None:
    labels = ("tulip",) * 3 + ("tulips",) * 3
    (found,) = checks.near_equal_classes(replace(manifest("x" * 6), labels=labels))
    assert found.message == "1 pair of class names is nearly equal"
    assert found.examples == ("'tulip' and 'tulips': --merge tulips=tulip makes them one",)


def test_extensions_against_formats() -> None:
    ids = ("a.jpg", "b.JPEG", "c.png", "d", "e.tif", "f.xyz", "g.jpg")
    formats = ("JPEG", "MPO", "GIF", "PNG", "TIFF", "WEBP", "unheard of")
    (found,) = checks.wrong_extensions(manifest("a" * 7, ids=ids), facts(7, formats=formats))
    assert found.count == 2
    assert found.examples == ("c.png is GIF", "f.xyz is WEBP")


def test_flags_and_tiny_pictures() -> None:
    flags = (frozenset({"multi_frame", "gray"}), frozenset({"exif_rotated"}), frozenset())
    found = checks.flagged(manifest("aab"), facts(3, flags=flags))
    assert [(finding.kind, finding.examples) for finding in found] == [
        ("multi_frame", ("0.jpg",)),
        ("exif_rotated", ("1.jpg",)),
    ]
    small = facts(3, widths=np.array([31, 32, 500]), heights=np.array([500, 32, 8]))
    (tiny,) = checks.tiny_pictures(manifest("aab"), small)
    assert (tiny.severity, tiny.examples) == ("warning", ("0.jpg: 31 × 500", "2.jpg: 500 × 8"))


@pytest.mark.parametrize(
    ("whites", "shares", "last"),
    [
        (["4095", "255", "", "4095"], "4095 in 2, 255 in 1", "3.jpg: 4095"),
        (["own", "own"], "its brightest pixel in 2", "1.jpg: its brightest pixel"),
        (["4095", "", "4095"], None, None),
        (["own", ""], None, None),
    ],
)
def test_several_whites(whites: list[str], shares: str | None, last: str | None) -> None:
    flags = tuple(frozenset({f"white_{white}"} if white else {}) | {"gray"} for white in whites)
    found = checks.several_whites(manifest("a" * len(flags)), facts(len(flags), flags=flags))
    assert len(found) == (shares is not None)
    for one in found:
        assert (one.kind, one.severity) == ("several_whites", "warning")
        assert f"({shares})" in one.message
        assert one.examples[-1] == last


def test_a_named_group_on_both_sides_is_a_problem() -> None:
    found = checks.findings(manifest("aabbaabb", "teetteet", groups=tuple("55577 78")), facts(8))
    (leak,) = [finding for finding in found if finding.kind == "group_leakage"]
    assert (leak.severity, leak.count) == ("problem", 3)
    assert leak.message == "3 of 4 pictures of test are of groups that stand in train too (5, 7)"
    assert leak.examples[0] == "group 5: 1.jpg in test, 0.jpg in train"


def test_without_named_groups_nothing_straddles() -> None:
    assert checks.group_leakage(manifest("aabb", "tete")) == []


@pytest.mark.parametrize(
    ("splits", "then"),
    [
        (("train", "test", "", ""), "join training"),
        (("train", "train", "", ""), "drawn from them, if they are enough"),
    ],
)
def test_a_split_given_in_part(splits: tuple[str, ...], then: str) -> None:
    given = replace(manifest("aabb", "tete"), splits=splits)
    (found,) = checks.partly_split(given)
    assert (found.severity, found.count) == ("warning", 2)
    assert found.message.endswith(then)
    for whole in (("train", "train", "test", "test"), ("",) * 4):
        assert checks.partly_split(replace(given, splits=whole)) == []


def test_the_smaller_class_is_merged_into_the_larger_and_quoted() -> None:
    few_and_many = replace(manifest("abbb"), labels=("rose ", "rose", "rose", "rose"))
    (found,) = checks.near_equal_classes(few_and_many)
    assert found.examples == ("'rose' and 'rose ': --merge 'rose =rose' makes them one",)
