import numpy as np
import pytest
from scipy import stats

from headstart.metrics import intervals
from headstart.metrics.intervals import (
    accuracy_interval,
    balanced_interval,
    cluster_bootstrap,
    resampled_counts,
    wilson,
)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 30), (7, 30), (30, 30), (981, 1000)])
def test_wilson_is_that_of_scipy(successes, n, level):
    expected = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    ours = wilson(successes, n, level)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert ours.level == level


def test_wilson_knows_nothing_without_rows_and_touches_the_ends():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    assert wilson(0, 5).low == 0
    assert wilson(5, 5).high == 1


def slow_cluster_bootstrap(values, groups, resamples, random):
    names = np.unique(groups)
    rows = {name: values[groups == name] for name in names}
    means = [
        np.concatenate([rows[name] for name in random.choice(names, len(names))]).mean()
        for _ in range(resamples)
    ]
    return np.quantile(means, [0.025, 0.975])


def test_cluster_bootstrap_is_that_of_a_slow_loop():
    random = np.random.default_rng(0)
    groups = random.integers(40, size=300)
    values = random.random(300) < random.beta(8, 2, size=40)[groups]
    low, high = slow_cluster_bootstrap(values, groups, 4000, random)
    ours = cluster_bootstrap(values, groups, resamples=4000)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.008)


def test_groups_that_stand_or_fall_together_make_the_interval_wider():
    correct = np.repeat(np.arange(40) % 10 > 0, 10)
    groups = np.repeat(np.arange(40), 10)
    alone, together = accuracy_interval(correct), accuracy_interval(correct, groups)
    assert (alone.method, together.method) == ("wilson", "wilson, groups")
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_names_serve_as_groups_and_groups_of_one_row_are_no_groups():
    correct = np.array([True, False, True, True])
    assert accuracy_interval(correct, np.array(["d", "a", "c", "b"])) == wilson(3, 4)
    assert accuracy_interval(correct, np.array(list("aabb"))) == accuracy_interval(
        correct, np.array([1, 1, 2, 2])
    )


@pytest.mark.parametrize(
    ("values", "groups", "expected"),
    [
        (np.ones(12), np.repeat([0, 1, 2], 4), wilson(3, 3)),
        (np.zeros(12), np.repeat([0, 1, 2], 4), wilson(0, 3)),
        (np.array([1, 1, 1, 0]), np.zeros(4), wilson(0.75, 1)),
    ],
)
def test_never_certain_where_drawing_again_changes_nothing(values, groups, expected):
    assert cluster_bootstrap(values, groups) == expected


@pytest.mark.parametrize("mistakes", [0, 1, 2, 40, 400])
def test_one_pair_among_many_rows_hardly_changes_wilsons_interval(mistakes):
    groups, correct = np.arange(400), np.ones(400, dtype=bool)
    groups[1], correct[400 - mistakes :] = 0, False
    alone, paired = wilson(400 - mistakes, 400), accuracy_interval(correct, groups)
    assert (paired.low, paired.high) == pytest.approx((alone.low, alone.high), abs=2e-4)
    assert paired.high - paired.low > alone.high - alone.low


def test_rows_that_agree_throughout_a_group_count_as_one():
    correct = np.repeat(np.arange(200) % 10 > 0, 4)
    together = accuracy_interval(correct, np.arange(800) // 4)
    alone = wilson(180, 200)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=2e-3)


def test_one_group_says_next_to_nothing():
    interval = accuracy_interval(np.array([True, True, True, False]), np.zeros(4))
    assert interval.low < 0.05 < 0.95 < interval.high


@pytest.mark.parametrize("num_groups", [5, 10, 20])
@pytest.mark.parametrize("truth", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("correlation", [0.05, 0.3])
def test_the_interval_covers_the_truth_with_few_groups(num_groups, truth, correlation):
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(num_groups), 40)
    beta = np.array([truth, 1 - truth]) * (1 / correlation - 1)
    covered = 0
    for _ in range(400):
        correct = random.random(len(groups)) < random.beta(*beta, size=num_groups)[groups]
        interval = accuracy_interval(correct, groups)
        covered += interval.low <= truth <= interval.high
    assert covered / 400 >= 0.93


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly_the_same():
    groups = np.arange(100) // 2
    correct = np.random.default_rng(0).random(100) < 0.8
    first = cluster_bootstrap(correct, groups, seed=1)
    assert first == cluster_bootstrap(correct, groups, seed=1)
    other = cluster_bootstrap(correct, groups, seed=2)
    assert (first.low, first.high) == pytest.approx((other.low, other.high), abs=0.03)


def test_the_cluster_bootstrap_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    covered, covered_by_rows = 0, 0
    for seed in range(300):
        correct = random.random(300) < random.beta(4, 1, size=60)[groups]
        interval = cluster_bootstrap(correct, groups, resamples=400, seed=seed)
        covered += interval.low <= 0.8 <= interval.high
        alone = wilson(correct.sum(), 300)
        covered_by_rows += alone.low <= 0.8 <= alone.high
    assert 0.90 <= covered / 300 <= 0.985
    assert covered_by_rows < covered


def test_balanced_interval_of_one_class_is_the_wider_of_both():
    groups = np.arange(100) // 2
    correct = np.random.default_rng(0).random(100) < 0.8
    one_class = np.zeros(100, dtype=int)
    ours = balanced_interval(correct, one_class, groups)
    both = accuracy_interval(correct, groups), cluster_bootstrap(correct, groups)
    assert ours.low == pytest.approx(min(interval.low for interval in both))
    assert ours.high == pytest.approx(max(interval.high for interval in both))


def test_a_mistake_does_not_raise_the_lower_end_of_the_balanced_interval():
    y = np.arange(400) % 2
    correct = np.ones(400, dtype=bool)
    without = balanced_interval(correct, y)
    correct[7] = False
    assert balanced_interval(correct, y).low < without.low


def test_balanced_interval_is_that_of_a_slow_loop():
    random = np.random.default_rng(0)
    y = random.choice(3, size=200, p=[0.7, 0.25, 0.05])
    correct = random.random(200) < np.array([0.95, 0.8, 0.5])[y]
    means = []
    for _ in range(4000):
        rows = random.integers(200, size=200)
        means.append(np.mean([correct[rows][y[rows] == c].mean() for c in np.unique(y[rows])]))
    ours = balanced_interval(correct, y, resamples=4000)
    assert (ours.low, ours.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.02)


def test_without_mistakes_the_rarest_class_decides_how_sure_one_can_be():
    y = np.repeat([0, 1], [90, 10])
    interval = balanced_interval(np.ones(100, dtype=bool), y)
    expected = wilson(36, 36)  # 2² / (1/90 + 1/10)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.low < wilson(100, 100).low


def test_blocks_add_up_and_each_draw_has_as_many_groups_as_there_are(monkeypatch):
    monkeypatch.setattr(intervals, "_BLOCK", 70)
    blocks = list(resampled_counts(10, 25, seed=0))
    assert [len(block) for block in blocks] == [7, 7, 7, 4]
    assert [len(block) for block in resampled_counts(10, 5, seed=0, width=35)] == [2, 2, 1]
    assert (np.concatenate(blocks).sum(axis=1) == 10).all()
    assert np.concatenate(blocks).std() > 0.5
