"""The distance against a slow loop, and what its interval promises."""

import math
import statistics as slow

import numpy as np
import pytest

from headstart.backbones.statistics import Layer, PictureStatistics, Pretraining
from headstart.strategy.distance import distance, layer_distances

LAYERS = (4, 7, 5, 3)


def source_of(random: np.random.Generator, sizes: tuple[int, ...] = LAYERS) -> Pretraining:
    ends = np.cumsum(sizes, dtype=int).tolist()
    total = sum(sizes)
    layers = tuple(
        Layer(f"layer{i}", slice(end - num, end))
        for i, (num, end) in enumerate(zip(sizes, ends, strict=True))
    )
    return Pretraining(random.normal(size=total).astype(np.float32), layers, None)


def pictures(
    random: np.random.Generator, source: Pretraining, num: int, shift: float = 0.0
) -> PictureStatistics:
    """Pictures whose centre lies ``shift`` of their own spread off; each channel has its scale."""
    channels = np.arange(len(source.mean))
    means = source.mean + 3.0 ** (channels % 5 - 2) * (
        shift + random.normal(size=(num, len(channels)))
    )
    return PictureStatistics(means.astype(np.float32), None, None, np.zeros((num, 3)))


def test_distances_equal_a_slow_loop() -> None:
    random = np.random.default_rng(0)
    source = source_of(random)
    found = pictures(random, source, 9, shift=0.7)
    layers = layer_distances(found.means, source, np.full((1, 9), 1 / 9))[0]
    for layer, value in zip(source.layers, layers, strict=True):
        channels = []
        for c in range(layer.channels.start, layer.channels.stop):
            given = found.means[:, c].tolist()
            moved = slow.fmean(given) - float(source.mean[c])
            channels.append(moved**2 / slow.pvariance(given))
        assert value == pytest.approx(math.log(slow.median(channels)), abs=1e-5)


def test_score_and_thirds_are_means_over_layers() -> None:
    random = np.random.default_rng(1)
    source = source_of(random)
    found = pictures(random, source, 4000, shift=0.5)
    layers = layer_distances(found.means, source, np.full((1, 4000), 1 / 4000))[0]
    measured = distance(found, source, 0)
    assert measured.score == pytest.approx(layers.mean(), abs=0.05)
    assert measured.thirds == pytest.approx(
        {"early": layers[:2].mean(), "middle": layers[2], "late": layers[3]}, abs=0.05
    )
    assert np.average(list(measured.thirds.values()), weights=[2, 1, 1]) == pytest.approx(
        measured.score
    )


def test_few_pictures_look_no_further_than_many() -> None:
    """Noise counts as distance: unless it is taken off, few pictures look further off."""
    random = np.random.default_rng(7)
    source = source_of(random, (60, 60, 60))
    truth = distance(pictures(random, source, 3000, 0.15), source, 0).score
    few = [pictures(random, source, 20, 0.15) for _ in range(12)]
    plain = np.mean([layer_distances(p.means, source, np.full((1, 20), 0.05)).mean() for p in few])
    corrected = np.mean([distance(p, source, 0).score for p in few])
    assert plain > truth + 0.1
    assert abs(corrected - truth) < (plain - truth) / 2


def test_the_same_pictures_are_near_and_moved_ones_are_not() -> None:
    random = np.random.default_rng(2)
    source = source_of(random, (60, 60, 60))
    same = distance(pictures(random, source, 250), source, 0)
    moved = [distance(pictures(random, source, 250, shift), source, 0) for shift in (0.5, 1.0)]
    assert same.score < -5
    for found, shift in zip(moved, (0.5, 1.0), strict=True):
        assert found.score == pytest.approx(2 * math.log(shift), abs=0.3)
        assert found.noise < 0.2
        assert found.interval[0] < found.score < found.interval[1]


def test_one_subject_among_many_is_near_and_pictures_that_are_all_alike_are_not() -> None:
    """As far from the centre of pretraining: what differs is how much they differ themselves."""
    random = np.random.default_rng(8)
    source = source_of(random, (60, 60, 60))
    varied, alike = pictures(random, source, 200), pictures(random, source, 200)
    means = [
        source.mean + 0.5 + spread * (found.means - source.mean)
        for spread, found in ((1.0, varied), (0.1, alike))
    ]
    near, far = (
        distance(PictureStatistics(each.astype(np.float32), None, None, varied.look), source, 0)
        for each in means
    )
    assert near.score < far.score - 3


@pytest.mark.parametrize("moved", [0.0, 1.0])
def test_pictures_that_are_one_and_the_same(moved: float) -> None:
    source = source_of(np.random.default_rng(9))
    means = np.tile(source.mean + np.float32(moved), (20, 1))
    found = distance(PictureStatistics(means, None, None, np.zeros((20, 3))), source, 0)
    assert math.isfinite(found.score)
    assert (found.score > 10) == (moved > 0)


def test_nothing_but_the_seed_decides() -> None:
    random = np.random.default_rng(3)
    source = source_of(random)
    found = pictures(random, source, 30, 0.4)
    assert distance(found, source, 5) == distance(found, source, 5)
    assert distance(found, source, 5).interval != distance(found, source, 6).interval


def test_the_interval_covers_what_all_pictures_say() -> None:
    """95 % is meant, 92 % is what a median keeps of it: fewer than 49 of 60, once in 300 times."""
    random = np.random.default_rng(4)
    source = source_of(random, (8, 8, 8))
    truth = distance(pictures(random, source, 5_000, 0.6), source, 0).score
    covered = 0
    for _ in range(60):
        low, high = distance(pictures(random, source, 100, 0.6), source, 0).interval
        covered += low <= truth <= high
    assert covered >= 49


def test_without_batch_norm_the_prototypes_are_asked() -> None:
    random = np.random.default_rng(5)
    source = source_of(random, ())
    near, far = (
        PictureStatistics(None, None, affinity.astype(np.float32), np.zeros((64, 3)))
        for affinity in (random.uniform(0.4, 0.6, 64), random.uniform(0.1, 0.3, 64))
    )
    found = distance(near, source, 0)
    assert found.measured_by == "prototypes"
    assert found.score == pytest.approx(math.log(1 - near.affinity.mean()), abs=1e-3)
    assert found.thirds == {}
    assert found.interval[1] < distance(far, source, 0).interval[0]


def test_a_network_that_keeps_nothing() -> None:
    source = source_of(np.random.default_rng(6), ())
    assert distance(PictureStatistics(None, None, None, np.zeros((9, 3))), source, 0) is None
