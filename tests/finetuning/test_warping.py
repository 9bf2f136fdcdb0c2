import math

import numpy as np
import pytest

from headstart.finetuning.view import Part, View
from headstart.finetuning.warping import frame_of, matrix_of, mirrored_at_edges, places


def through(matrix, x, y):
    a, b, c = matrix @ (x, y, 1)
    return a / c, b / c


def test_where_a_corner_comes_from():
    """Turned counter-clockwise by 90 degrees, the top right corner comes to the top left."""
    assert through(matrix_of(View(angle=90)), -1, -1) == pytest.approx((1, -1))
    assert through(matrix_of(View(mirrored=True)), -1, -1) == pytest.approx((1, -1))
    assert through(matrix_of(View(upside_down=True)), -1, -1) == pytest.approx((-1, 1))
    assert through(matrix_of(View(zoom=2)), -1, -1) == pytest.approx((-0.5, -0.5))
    assert through(matrix_of(View(shift=(0.25, 0))), -1, -1) == pytest.approx((-1.5, -1))
    assert through(matrix_of(View(shear=(45, 0))), 0, 1) == pytest.approx((-1, 1))


def test_affine_is_torchvisions():
    """Whose angles are clockwise, whose shears have the other sign, in the order of ours."""
    functional = pytest.importorskip("torchvision.transforms.functional")
    view = View(angle=17, zoom=1.3, shear=(12, 0), shift=(0.1, -0.2))
    theirs = functional._get_inverse_affine_matrix([0, 0], -17, [0.2, -0.4], 1.3, [-12, 0])
    assert matrix_of(view)[:2].ravel() == pytest.approx(theirs)


def test_perspective_is_torchvisions():
    functional = pytest.importorskip("torchvision.transforms.functional")
    corners = (0.1, 0.2, 0.3, 0.0, 0.05, 0.4, 0.2, 0.1)
    ends = [(-0.9, -0.8), (0.7, -1.0), (0.95, 0.6), (-0.8, 0.9)]
    theirs = functional._get_perspective_coeffs([(-1, -1), (1, -1), (1, 1), (-1, 1)], ends)
    ours = matrix_of(View(corners=corners)).ravel()[:8]
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_lens_and_projection_against_a_slow_loop():
    view = View(corners=(0.1, 0.2, 0.3, 0.0, 0.05, 0.4, 0.2, 0.1), angle=10)
    matrix, lens, size = matrix_of(view), 0.2, 7
    found = places(matrix, lens, size)
    for row in range(size):
        for column in range(size):
            x, y = ((2 * i + 1) / size - 1 for i in (column, row))
            r = math.hypot(x, y) / math.sqrt(2)  # 1 at a corner
            wanted = through(matrix, x * (1 + lens * r**2), y * (1 + lens * r**2))
            assert found[:, row, column] == pytest.approx(wanted, abs=1e-5)


def test_frames():
    plain = frame_of(View(), 500, 375, 0.875)
    assert (plain.width, plain.height) == (0.875 * 375,) * 2
    assert plain.left + plain.width / 2 == 250
    cut = frame_of(View(part=Part(0.25, 1.0, 1.0, 0.0)), 400, 400, 0.875)
    assert (cut.left, cut.top, cut.width, cut.height) == (200, 0, 200, 200)


def test_mirrors_stand_at_the_edges():
    along = np.array([-1.5, 0, 3, 11, 25, -27], dtype=np.float32)
    assert mirrored_at_edges(along, 10).tolist() == [1.5, 0, 3, 9, 5, 7]
