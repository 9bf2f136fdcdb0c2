"""A learning curve's figure: everything inside, in the right places."""

import numpy as np
import pytest

from headstart.audit.learning_curve import learning_curve
from headstart.metrics.intervals import wilson
from headstart.reports.curve_figure import curve_figure


@pytest.fixture(scope="module")
def curve():
    random = np.random.default_rng(3)
    y = np.arange(245) % 3
    X = (0.4 * np.eye(3, 12)[y] + random.normal(size=(245, 12))).astype(np.float32)
    return learning_curve(X, y, seed=0)


def test_points_are_what_was_measured(curve):
    figure = curve_figure(curve)
    assert [point.num_images for point in figure.points] == curve.errors.sizes.tolist()
    last = figure.points[-1]
    right = 1 - curve.errors.share[-1]
    assert last.accuracy == right
    assert last.interval == wilson(right * 245, 245)


def test_everything_lies_inside(curve):
    figure = curve_figure(curve)
    numbers = np.array([pair.split(",") for pair in f"{figure.line} {figure.band}".split()], float)
    assert numbers.min() >= 0
    assert numbers.max() <= 100
    ends = [each.interval.low for each in figure.points]
    assert all(0 <= figure.y(end) <= 100 for end in ends)


def test_the_axes(curve):
    figure = curve_figure(curve)
    assert figure.x(curve.errors.sizes[0]) == 0
    assert figure.x(curve.reach) == 100
    assert figure.ticks == (30, 61, 122, 245, 490, 980)
    steps = np.diff([figure.x(tick) for tick in figure.ticks])
    assert np.ptp(steps) < 1.5
    assert figure.y(figure.scale.high) == 0
    assert figure.y(figure.scale.low) == 100


def test_the_law_is_drawn_where_it_says(curve):
    figure = curve_figure(curve)
    x, y = map(float, figure.line.split()[-1].split(","))
    assert x == 100
    assert y == figure.y(curve.expect(4).accuracy)
