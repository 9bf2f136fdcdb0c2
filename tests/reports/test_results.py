import json

import numpy as np
import pytest

from headstart.errors import NotEnoughData
from headstart.metrics.intervals import Interval, accuracy_interval, balanced_interval, wilson
from headstart.reports.results import Results, interval_text, percent, summary_lines

NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def answers():
    """200 answers; no picture is a dog."""
    random = np.random.default_rng(0)
    y = random.integers(3, size=200)
    scores = random.normal(size=(200, 4))
    scores[np.arange(200), y] += 2.5
    exponentials = np.exp(scores)
    return y, (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def test_the_keys_of_the_json_are_a_contract(answers):
    y, p = answers
    leaked = np.arange(200) < 20
    found = Results.of(y, p, NAMES, leaked=leaked).to_json()
    assert list(found) == [
        "accuracy",
        "interval",
        "interval_method",
        "num_images",
        "balanced_accuracy",
        "log_loss",
        "calibration_error",
        "majority_baseline",
        "classes",
        "confusion",
        "largest_confusions",
        "without_leakage",
        "untested_classes",
        "unsure",
    ]
    assert list(found["classes"][0]) == ["name", "precision", "recall", "f1", "support"]
    assert list(found["confusion"]) == ["labels", "matrix"]
    assert list(found["largest_confusions"][0]) == ["true", "predicted", "count", "share"]
    assert list(found["without_leakage"]) == ["num_images", "accuracy", "interval"]


def test_the_json_says_what_the_results_say(answers):
    y, p = answers
    results = Results.of(y, p, NAMES)
    found = results.to_json()
    assert found["accuracy"] == pytest.approx(np.mean(p.argmax(axis=1) == y), abs=1e-6)
    assert found["interval"] == [round(results.interval.low, 6), round(results.interval.high, 6)]
    assert found["interval_method"] == "wilson"
    assert found["num_images"] == np.sum(found["confusion"]["matrix"]) == 200
    assert [row["support"] for row in found["classes"]] == np.bincount(y, minlength=4).tolist()
    assert found["untested_classes"] == ["dog"]
    assert found["without_leakage"] is None


def test_of_many_classes_only_cells_that_are_not_zero_are_written():
    names = tuple(f"c{k}" for k in range(201))
    y = np.random.default_rng(0).permutation(201)
    results = Results.of(y, np.eye(201, dtype=np.float32)[np.maximum(y, 2)], names)
    found = results.to_json()["confusion"]
    assert list(found) == ["labels", "cells"]
    assert len(found["cells"]) == 201
    matrix = np.zeros((201, 201), int)
    for true, answer, count in json.loads(json.dumps(found["cells"])):
        matrix[true, answer] = count
    np.testing.assert_array_equal(matrix, results.confusion)


def test_the_json_is_plain_and_the_same_in_every_run(answers):
    y, p = answers
    groups = np.arange(200) // 3
    texts = {json.dumps(Results.of(y, p, NAMES, groups=groups).to_json()) for _ in range(2)}
    assert len(texts) == 1
    numbers = []
    json.loads(texts.pop(), parse_float=numbers.append)
    assert max(len(number.split(".")[1]) for number in numbers) == 6


def test_groups_change_the_intervals(answers):
    y, p = answers
    groups = np.arange(200) // 5
    correct = p.argmax(axis=1) == y
    results = Results.of(y, p, NAMES, groups=groups, seed=7)
    assert results.interval == accuracy_interval(correct, groups, seed=7)
    assert results.interval.method == "wilson, groups"
    assert results.balanced_interval == balanced_interval(correct, y, groups, seed=7)


def test_the_majority_is_that_of_training_when_it_is_known(answers):
    y, p = answers
    counts = np.bincount(y, minlength=4)
    assert Results.of(y, p, NAMES).majority_baseline == counts.max() / 200
    assert Results.of(y, p, NAMES, majority_class=2).majority_baseline == counts[2] / 200
    assert Results.of(y, p, NAMES, majority_class=3).majority_baseline == 0


def test_without_leakage_is_the_same_judgement_of_the_others(answers):
    y, p = answers
    leaked = p.argmax(axis=1) == y
    leaked[50:] = False
    groups = np.arange(200) // 5
    clean = Results.of(y, p, NAMES, leaked=leaked, groups=groups).without_leakage
    alone = Results.of(y[~leaked], p[~leaked], NAMES, groups=groups[~leaked])
    assert (clean.num_images, clean.accuracy) == (alone.num_images, alone.accuracy)
    assert clean.interval == alone.interval
    assert clean.accuracy < Results.of(y, p, NAMES).accuracy


def test_when_sure_is_the_judgement_of_the_answered(answers):
    y, p = answers
    answered, groups = p.max(axis=1) > 0.8, np.arange(200) // 5
    results = Results.of(y, p, NAMES, answered=answered, groups=groups)
    alone = Results.of(y[answered], p[answered], NAMES, groups=groups[answered])
    found = results.to_json()["unsure"]
    assert found["num_answered"] == alone.num_images == answered.sum()
    assert found["coverage"] == answered.mean()
    assert found["error_when_answered"] == pytest.approx(1 - alone.accuracy, abs=1e-6)
    low, high = alone.to_json()["interval"]
    assert found["interval"] == pytest.approx([1 - high, 1 - low], abs=2e-6)
    assert found["interval"][1] < 1 - results.interval.low
    share = accuracy_interval(answered, groups)
    assert found["coverage_interval"] == [round(share.low, 6), round(share.high, 6)]
    assert "of these answers" in "\n".join(summary_lines(results, "pictures"))


def test_sure_of_nothing(answers):
    results = Results.of(*answers, NAMES, answered=np.zeros(200, dtype=bool))
    found = results.to_json()["unsure"]
    assert (found["coverage"], found["error_when_answered"]) == (0.0, None)
    assert found["interval"] == [0.0, 1.0]
    assert "unsure about every one of them" in summary_lines(results, "pictures")
    assert Results.of(*answers, NAMES).to_json()["unsure"] is None


def test_leakage_everywhere_leaves_nothing_to_say_and_nowhere_leaves_it_out(answers):
    y, p = answers
    everywhere = Results.of(y, p, NAMES, leaked=np.ones(200, dtype=bool))
    assert everywhere.to_json()["without_leakage"] == {
        "num_images": 0,
        "accuracy": None,
        "interval": [0.0, 1.0],
    }
    assert "says nothing of new ones" in summary_lines(everywhere, "pictures")[0]
    assert Results.of(y, p, NAMES, leaked=np.zeros(200, dtype=bool)).without_leakage is None


def test_a_single_picture_can_be_judged_and_none_cannot(answers):
    y, p = answers
    assert Results.of(y[:1], p[:1], NAMES).interval == wilson(int(p[0].argmax() == y[0]), 1)
    with pytest.raises(NotEnoughData, match="no picture"):
        Results.of(y[:0], p[:0], NAMES)


def test_the_summary_says_the_most_important_first():
    y = np.repeat([0, 1], [220, 180])
    p = np.eye(3)[np.where(np.arange(400) < 5, 1, y)] * 0.7 + 0.1
    results = Results.of(y, p, ("ant", "bee", "cat"), leaked=np.arange(400) >= 395)
    assert summary_lines(results, "given pictures") == [
        "pictures that training has not seen, as far as is known (no copies, no group mates): "
        "98.7 % (97.1 – 99.5) of 395",
        "given pictures: 98.8 % (97.1 – 99.5) of 400"
        " · balanced accuracy 98.9 % · majority baseline 55.0 %",
        "most often confused: ant taken for bee (5)",
        "classes without a test picture: cat",
    ]


def test_leakage_is_priced_where_it_flatters(answers):
    y, p = answers
    right = p.argmax(axis=1) == y
    flattered = Results.of(y, p, NAMES, leaked=right & (np.arange(200) % 2 == 0))
    points = 100 * (flattered.accuracy - flattered.without_leakage.accuracy)
    assert flattered.leaked_points == pytest.approx(points)
    first = summary_lines(flattered, "pictures")[0]
    assert f"{points:.1f} points of the next line are leakage" in first
    harmed = Results.of(y, p, NAMES, leaked=~right)
    assert harmed.leaked_points < 0
    assert "leakage" not in summary_lines(harmed, "pictures")[0]
    assert Results.of(y, p, NAMES).leaked_points == 0


def test_nothing_is_rounded_to_certainty():
    assert [percent(share) for share in (0, 1e-5, 0.98125, 0.9999, 1)] == [
        "0.0 %",
        "0.1 %",
        "98.1 %",
        "99.9 %",
        "100.0 %",
    ]
    assert interval_text(Interval(0.99961, 1.0, 0.95, "wilson")) == "99.9 – 100.0"
