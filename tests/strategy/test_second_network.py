"""Two networks side by side, judged by leave-one-out."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from headstart.heads.candidates import rooted
from headstart.strategy.answers import compared
from headstart.strategy.second_network import left_out_answers


def _features(seed: int, signal: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.repeat([0, 1], 60)
    X = random.random((120, 12)).astype(np.float32)
    X[:, 0] += signal * y
    return {"early": X[:, 6:], "head": X[:, :6]}, y, np.arange(120)


def test_answers_are_those_of_fits_without_the_row() -> None:
    taps, y, groups = _features(0, 0.6)
    found = left_out_answers({"head": taps["head"]}, y, groups).best
    X = rooted(taps["head"])
    agreed = 0
    for row in range(len(y)):
        others = np.arange(len(y)) != row
        # The penalty that was chosen on all rows is of the same order: few answers depend on it.
        model = Ridge(alpha=1.0).fit(X[others] - X[others].mean(0), y[others])
        answer = model.predict(X[row : row + 1] - X[others].mean(0))[0] > 0.5
        agreed += int(answer == (found.scores[row].argmax() == 1))
    assert agreed >= 0.95 * len(y)


def test_the_number_of_threads_changes_nothing() -> None:
    taps, y, groups = _features(4, 0.6)
    one, two = (left_out_answers(taps, y, groups, threads).best for threads in (1, 2))
    np.testing.assert_array_equal(one.scores, two.scores)


def test_groups_are_left_out_together() -> None:
    taps, y, _ = _features(1, 0.0)
    twice = {name: np.repeat(X, 2, axis=0) for name, X in taps.items()}
    labels, groups = np.repeat(y, 2), np.repeat(np.arange(len(y)), 2)
    honest = left_out_answers(twice, labels, groups).best
    leaking = left_out_answers(twice, labels, np.arange(len(labels))).best
    assert leaking.log_loss < honest.log_loss - 0.01


def test_a_second_network_that_sees_more_is_taken_and_noise_is_not() -> None:
    taps, y, groups = _features(2, 0.5)
    one = left_out_answers(taps, y, groups).best
    other, _, _ = _features(3, 2.0)
    both = {name: np.hstack([taps[name], other[name]]) for name in taps}
    assert compared(left_out_answers(both, y, groups).best, one, groups, 0).outcome == "taken"
    noise, _, _ = _features(504, 0.0)
    worse = {name: np.hstack([taps[name], noise[name]]) for name in taps}
    assert compared(left_out_answers(worse, y, groups).best, one, groups, 0).outcome != "taken"


def test_what_every_choice_of_taps_has_right_is_kept_with_its_decomposition() -> None:
    taps, y, groups = _features(5, 0.6)
    found = left_out_answers(taps, y, groups)
    assert set(found.correct) == set(found.rows) == {("early", "head"), ("head",)}
    alone = left_out_answers({"head": taps["head"]}, y, groups)
    np.testing.assert_array_equal(found.correct["head",], alone.best.correct)
