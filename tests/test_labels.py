import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart import labels
from headstart.labels import (
    class_indices,
    class_names,
    match_names,
    nearly_equal,
    nearly_equal_pairs,
    similar,
)


def test_natural_order_counts_numbers() -> None:
    assert class_names(["class10", "class2", "b", "Apple", "class2"]) == (
        "Apple",
        "b",
        "class2",
        "class10",
    )


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), unique=True))
def test_order_does_not_depend_on_the_order_before(names: list[str]) -> None:
    shuffled = list(names)
    random.Random(0).shuffle(shuffled)
    assert class_names(names) == class_names(shuffled)
    assert sorted(class_names(names)) == sorted(names)


def test_a_label_of_thousands_of_digits_is_sorted() -> None:
    assert class_names(["9" * 5000, "1" + "0" * 5000]) == ("9" * 5000, "1" + "0" * 5000)


def test_indices_are_places_among_the_names() -> None:
    indices = class_indices(["b", "a", "b"], ("a", "b"))
    assert indices.dtype == np.int64
    assert indices.tolist() == [1, 0, 1]
    with pytest.raises(KeyError):
        class_indices(["c"], ("a", "b"))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Cat", "cat", True),
        ("cat ", "cat", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("tulip", "tulips", True),
        ("daisy", "dai sy", True),
        ("grass", "glass", True),
        ("cat", "cats", False),  # too short for a typo to be more likely than two words
        ("class1", "class2", False),
        ("class1", "class11", False),
        ("sunflower", "sunflwoer", False),  # two letters changed
        ("daisy", "daisy", False),
    ],
)
def test_nearly_equal(first: str, second: str, expected: bool) -> None:
    assert nearly_equal(first, second) is expected
    assert nearly_equal(second, first) is expected


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abAB1 é", min_size=4, max_size=8), unique=True, max_size=25))
def test_pairs_are_those_that_comparing_all_with_all_finds(names: list[str]) -> None:
    slow = {frozenset((one, other)) for one in names for other in names if nearly_equal(one, other)}
    pairs = nearly_equal_pairs(names)
    assert {frozenset(pair) for pair in pairs} == slow
    assert len(pairs) == len(slow)


def test_names_too_short_for_a_typo_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(labels, "nearly_equal", lambda *pair: asked.append(pair) or True)
    glyphs = [chr(0x4E00 + place) for place in range(50)]
    assert nearly_equal_pairs([*glyphs, "cat", "cab", "A", "a"]) == (("A", "a"),)
    assert asked == [("A", "a")]


def test_similar_names_are_suggested_in_their_own_spelling() -> None:
    assert similar("sunflwer", ["Sunflower", "rose"]) == ("Sunflower",)
    assert similar("zebra", ["Sunflower", "rose"]) == ()


def test_names_are_matched_exactly_first_and_else_by_a_unique_spelling() -> None:
    known = ("A", "a", "caf\u00e9", "dogs")
    labels = ("A", "a", " a", "cafe\u0301", "DOGS ", "dog")
    assert match_names(labels, known) == {
        "A": "A",
        "a": "a",
        " a": None,
        "cafe\u0301": "caf\u00e9",
        "DOGS ": "dogs",
        "dog": None,
    }
