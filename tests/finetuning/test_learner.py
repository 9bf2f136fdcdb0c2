"""What the head of a fine-tuning sees."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.layers import Root

torch = pytest.importorskip("torch")


def test_roots_are_those_of_the_bundle_s_layer() -> None:
    from headstart.finetuning.learner import _Root

    x = np.array([[-4.0, -1e-7, 0.0, 1e-7, 0.25, 9.0]], np.float32)
    found = _Root.apply(torch.from_numpy(x))
    np.testing.assert_array_equal(found.numpy(), Root().run(x))


def test_the_slope_of_a_root_is_right_and_never_beyond_5() -> None:
    from headstart.finetuning.learner import _Root

    x = torch.tensor([-4.0, 0.0, 1e-9, 4.0], requires_grad=True)
    _Root.apply(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad[[0, 3]], 1 / 4, rtol=2e-3)
    np.testing.assert_allclose(x.grad[[1, 2]], 5, rtol=1e-3)
