import numpy as np
import pytest


def test_cutmix_says_how_much_of_each_picture_is_left() -> None:
    import torch

    from headstart.finetuning.mixing import mixed

    x = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 2, 20, 20)
    shares = set()
    for seed in range(20):
        y, partner, share = mixed(x, 0.0, 1.0, np.random.default_rng(seed))
        own = (y == x).float().mean((1, 2, 3))
        moved = partner != torch.arange(6)
        assert own[moved].numpy() == pytest.approx(share)
        assert torch.equal(y[~moved], x[~moved])
        shares.add(share)
    assert len(shares) > 10


def test_mixup_is_the_mean_by_its_share() -> None:
    import torch

    from headstart.finetuning.mixing import mixed

    x = torch.randn(5, 7, 3)
    y, partner, share = mixed(x, 0.4, 0.4, np.random.default_rng(0))
    assert 0 < share < 1
    torch.testing.assert_close(y, x * share + x[partner] * (1 - share))


def test_neither_is_nothing() -> None:
    import torch

    from headstart.finetuning.mixing import mixed

    x = torch.randn(5, 3, 2, 2)
    y, _, share = mixed(x, 0.0, 0.0, np.random.default_rng(0))
    assert y is x
    assert share == 1
