from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "train_from", "shape"),
    [
        ("test_efficientnet", "top1", (48, 4, 4)),
        ("test_resnet", "top2", None),
        ("test_convnext", "top1", None),
        ("test_vit", "top2", (10, 64)),
        ("tf_efficientnet_lite0", "stage6", (112, 4, 4)),
    ],
)
def test_trunk_and_tail_are_the_network(name: str, train_from: str, shape: Any) -> None:
    """A tail that is not the rest of the network is not given: the cut compares them."""
    import timm
    import torch

    from headstart.finetuning.cutting import cut, features
    from headstart.finetuning.depth import depths_of, first_trained, trained_names

    torch.set_num_threads(1)
    more = {"img_size": 48} if "vit" in name else {}
    network = timm.create_model(name, **more).eval()
    first = first_trained(train_from, depths_of(network).last)
    parts = cut(network, first, 48 if more else 64)
    assert parts
    trunk, tail = parts
    x = torch.randn(2, 3, *(2 * [48 if more else 64]))
    with torch.no_grad():
        output = trunk(x)
        torch.testing.assert_close(features(tail, output), features(network, x))
    assert shape is None or tuple(output.shape[1:]) == shape
    learning = set(trained_names(network, train_from))
    assert learning <= {name for name, _ in tail.named_parameters()}
    assert 0 < len(learning) < len(dict(network.named_parameters()))


def test_a_network_that_is_no_chain_is_not_cut() -> None:
    import torch
    from torch import nn

    from headstart.finetuning.cutting import cut

    class Shortcut(nn.Module):
        """Adds its first layer's output to the last: two tensors cross every cut."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
            self.third, self.classifier = nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

        def group_matcher(self, coarse: bool) -> Any:
            return lambda name: {"first": 0, "second": 1, "third": 2}.get(name.split(".")[0], 3)

        def get_classifier(self) -> nn.Module:
            return self.classifier

        def forward_features(self, x: torch.Tensor) -> torch.Tensor:
            first = self.first(x)
            return self.third(self.second(first)) + first

        def forward_head(self, x: torch.Tensor, pre_logits: bool) -> torch.Tensor:
            return x.mean((2, 3))

    assert cut(Shortcut().eval(), 2, 8) is None


def test_deeper_layers_learn_faster_and_the_stem_not_at_all() -> None:
    import timm

    from headstart.finetuning.depth import trained_names

    network = timm.create_model("tf_efficientnet_lite0")
    stages = trained_names(network, "all")
    assert stages["blocks.0.0.conv_dw.weight"] == 1
    assert stages["blocks.6.0.conv_dw.weight"] == stages["conv_head.weight"] == 7
    assert not {"conv_stem.weight", "classifier.weight"} & set(stages)
    assert set(trained_names(network, "top2")) == {n for n, s in stages.items() if s >= 6}
    affine = trained_names(network, "affine")
    assert {name.rpartition(".")[2] for name in affine} == {"weight", "bias"}
    assert all("bn" in name for name in affine)
    assert len(affine) == 2 * 49
