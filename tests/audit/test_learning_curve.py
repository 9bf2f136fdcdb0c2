"""The learning curve: leave-one-out on nested subsets, against refits and the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest

from headstart.audit import learning_curve as station
from headstart.audit.learning_curve import learning_curve
from headstart.errors import NotEnoughData, SettingError
from headstart.heads.ridge import RidgeHead


def blobs(seed, number, num_classes=3, dim=40, distance=0.55):
    random = np.random.default_rng(seed)
    y = np.arange(number) % num_classes
    centres = distance * np.random.default_rng(0).normal(size=(num_classes, dim))
    return (centres[y] + random.normal(size=(number, dim))).astype(np.float32), y


@pytest.fixture(scope="module")
def curve():
    return learning_curve(*blobs(1, 320), seed=0)


def test_largest_size_is_plain_leave_one_out(curve):
    X, y = blobs(1, 320)
    right = RidgeHead().fit(X, y).loo_scores_.argmax(axis=1) == y
    assert curve.errors.sizes.tolist() == [20, 40, 80, 160, 320]
    assert 1 - curve.errors.share[-1] == right.mean()
    assert curve.errors.judged.sum(axis=1).tolist() == [100, 200, 400, 800, 320]


def test_foresees_the_accuracy_of_four_times_the_pictures():
    inside = 0
    unseen, answers = blobs(77, 3000)
    for seed in range(3):
        X, y = blobs(100 + seed, 640)
        truth = (RidgeHead().fit(X, y).predict(unseen) == answers).mean()
        expected = learning_curve(X[:160], y[:160], seed=seed).expect(4)
        assert abs(expected.accuracy - truth) < 0.08
        inside += expected.low <= truth <= expected.high
    assert inside >= 2


def test_back_test_is_the_curve_of_a_quarter(curve):
    back = curve.back_test
    assert (back.fitted_up_to, back.expected.num_images, back.expected.times) == (80, 320, 4)
    assert back.measured == 1 - curve.errors.share[-1]
    assert back.miss == back.expected.accuracy - back.measured
    assert abs(back.miss) < 0.1
    assert "80 pictures" in back.text()


def test_subsets_are_stratified_and_keep_groups_whole():
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [200, 100, 20])
    groups = np.arange(320) // 4
    order = station._stratified(y, groups, random)
    assert sorted(order) == list(range(320))
    for size in (32, 80, 160):
        share = np.bincount(y[order[:size]], minlength=3) / size
        assert share == pytest.approx(np.array([200, 100, 20]) / 320, abs=0.11)
    assert (np.diff(np.flatnonzero(np.diff(groups[order]) != 0)) == 4).all()


def test_copies_are_left_out_together():
    X, _ = blobs(2, 60)
    noise = np.random.default_rng(0).integers(3, size=60)  # nothing can be learnt
    twice, labels = np.repeat(X, 2, axis=0), np.repeat(noise, 2)
    cheated = learning_curve(twice, labels, seed=0)
    honest = learning_curve(twice, labels, np.repeat(np.arange(60), 2), seed=0)
    assert cheated.errors.share[-1] < honest.errors.share[-1] - 0.05
    assert honest.errors.share[-1] > 0.6


def test_refuses_to_look_further_than_four_times(curve):
    assert curve.expect(4).num_images == 1280
    with pytest.raises(SettingError, match=r"4\.5 times the 320"):
        curve.expect(4.5)
    with pytest.raises(SettingError):
        curve.expect(0)


def test_no_more_rows_than_the_limit(monkeypatch):
    monkeypatch.setattr(station, "_MOST_ROWS", 160)
    X, y = blobs(1, 320)
    curve = learning_curve(X, y, seed=0)
    assert curve.errors.sizes.tolist() == [20, 40, 80, 160]
    assert curve.reach == 640
    curve.expect(2)
    with pytest.raises(SettingError, match="beyond"):
        curve.expect(3)
    assert [each["times"] for each in curve.to_json()["expected"]] == [1, 2]


def test_words(curve):
    expected = curve.expect(3)
    assert expected.text().startswith("about ")
    assert " % with 3x the pictures (" in expected.text()
    assert curve.measured.endswith(" % with 320 pictures")


def test_a_lucky_last_point_is_said_to_be(curve):
    wrong = curve.errors.wrong.copy()
    wrong[-1] = 0
    lucky = replace(curve, errors=replace(curve.errors, wrong=wrong))
    assert lucky.measured.startswith("100.0 % with 320 pictures (in part luck: the curve")


def test_too_few_pictures_are_refused():
    with pytest.raises(NotEnoughData, match="too few for a learning curve"):
        learning_curve(*blobs(0, 60), seed=0)
    with pytest.raises(NotEnoughData):
        learning_curve(*blobs(0, 300, num_classes=60), seed=0)


def test_same_in_any_number_of_threads(curve):
    again = learning_curve(*blobs(1, 320), seed=0, threads=2)
    assert json.dumps(again.to_json(), allow_nan=False) == json.dumps(curve.to_json())
