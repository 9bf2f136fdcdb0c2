"""What an audit says in words and as plain values."""

import json

import numpy as np
import pytest

from headstart.audit.leakage import leakage_price
from headstart.audit.learning_curve import learning_curve
from headstart.reports.audit import MOST_ROWS, Audit, DoubtedLabel, LookAlikes, UnlikePicture


def label(number, split="train", ticked=True, given="cat", suggested="dog"):
    return DoubtedLabel(f"{number}.jpg", split, given, suggested, 0.1, 0.1, ticked, 0.3)


def audit(**changed):
    values = {"labels": (), "unlike": (), "look_alikes": (), "leakage": None, "curve": None}
    return Audit(**({"num_images": {"train": 300, "test": 80}} | values | changed))


@pytest.fixture(scope="module")
def curve():
    random = np.random.default_rng(0)
    y = np.arange(160) % 2
    X = (0.5 * y[:, None] + random.normal(size=(160, 8))).astype(np.float32)
    return learning_curve(X, y, seed=0)


def test_nothing_found_is_nothing_said():
    assert audit().lines() == ()
    assert audit(labels=(label(0, ticked=False),)).lines() == ()


def test_labels_of_training_and_test_are_told_apart():
    labels = (*(label(i) for i in range(5)), label(5, ticked=False), label(6, "test"))
    train, test = audit(labels=labels).lines()
    assert train == (
        "training labels that may be wrong, of 300: 5; first: "
        "0.jpg (cat; dog?), 1.jpg (cat; dog?), 2.jpg (cat; dog?)"
    )
    assert test == "test labels that may be wrong, of 80: 1; first: 6.jpg (cat; dog?)"


def test_a_strange_picture_is_not_said_to_be_of_another_class():
    assert label(0, suggested="cat").words == "0.jpg (cat; unlike the rest)"


def test_look_alikes_are_told_of_two_classes_and_of_training_and_test():
    same = LookAlikes("a", "cat", "train", "b", "cat", "train", 0.99)
    leaked = LookAlikes("e", "cat", "train", "f", "cat", "test", 0.99)
    across = LookAlikes("c", "cat", "train", "d", "dog", "test", 0.98)
    assert audit(look_alikes=(across, same, leaked)).lines() == (
        "look-alikes filed in different classes: 1; first: c (cat) and d (dog)",
        "test pictures much like one of training, not counted as copies: 1; first: e and f",
    )
    assert audit(look_alikes=(same,)).lines() == ()


def test_leakage_is_told_when_it_is_more_than_chance():
    groups, right = np.arange(400) // 2, np.ones(400, dtype=bool)
    torn = leakage_price(right, np.arange(400) % 4 > 0, groups)
    assert audit(leakage=torn).lines() == (f"leakage: {torn.text()}",)
    assert audit(leakage=leakage_price(right, right, groups)).lines() == ()


def test_more_pictures_are_foreseen_up_to_four_times(curve):
    found = audit(curve=curve)
    assert [each.times for each in found.expected] == [2.0, 4.0]
    (line,) = found.lines()
    assert line == (
        f"more pictures, by ridge regression on the last features: {curve.measured}, "
        f"{curve.expect(2).text()}, {curve.expect(4).text()}; "
        f"{curve.back_test.text()}"
    )


def test_the_receipt_has_the_first_hundred_and_counts_all(curve):
    many = tuple(label(i, ticked=i < 7) for i in range(150))
    found = audit(
        labels=(*many, label(0, "test")),
        unlike=(UnlikePicture("u", "test", "cat", 0.9, 1e-9),),
        curve=curve,
        notes=("a sample",),
    ).to_json()
    json.dumps(found, allow_nan=False)
    train = found["labels"]["train"]
    assert (train["num_images"], train["num_doubted"], train["num_ticked"]) == (300, 150, 7)
    assert len(train["rows"]) == MOST_ROWS
    assert [row["path"] for row in found["labels"]["test"]["rows"]] == ["0.jpg"]
    assert found["unlike"]["num_unlike"] == 1
    assert found["notes"] == ["a sample"]
