import pytest


@pytest.mark.parametrize("weighted", [False, True])
def test_parts_add_up_to_the_mean_loss_of_torch(weighted: bool) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    from headstart.finetuning.batch import Batch

    torch.manual_seed(0)
    scores, labels = torch.randn(7, 3), torch.tensor([0, 1, 2, 0, 1, 0, 0])
    partners, weight = labels.flip(0), torch.tensor([0.5, 2.0, 1.0]) if weighted else None
    total = float(weight[labels].sum()) if weight is not None else 7.0
    batch = Batch(scores, labels, partners, 0.7, torch.ones(7, 1), total, 7.0)
    parts = [batch.part(slice(0, 3)), batch.part(slice(3, 7))]
    found = sum(part.loss(part.x, weight, 0.1) for part in parts)
    expected = [cross_entropy(scores, y, weight, label_smoothing=0.1) for y in (labels, partners)]
    torch.testing.assert_close(found, 0.7 * expected[0] + 0.3 * expected[1])
    right = sum(part.right(part.x) for part in parts)
    torch.testing.assert_close(right, (scores.argmax(1) == labels).float().mean())
