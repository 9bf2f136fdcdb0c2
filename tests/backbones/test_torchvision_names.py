"""torchvision's networks, saved with torchvision's names, give torchvision's numbers here."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
models = pytest.importorskip("torchvision.models")

from headstart.backbones import from_timm  # noqa: E402
from headstart.backbones.request import Request  # noqa: E402

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("theirs", "ours", "side"),
    [
        ("mobilenet_v2", "MobileNetV2", 96),
        pytest.param("resnet50", "ResNet50", 96, marks=slow),
        pytest.param("inception_v3", "InceptionV3", 160, marks=slow),
        pytest.param("densenet121", "DenseNet121", 64, marks=slow),
        pytest.param("efficientnet_b0", "EfficientNetB0", 64, marks=slow),
        pytest.param("vgg11", "vgg11", 224, marks=slow),
    ],
)
def test_outputs_are_those_of_torchvision(
    theirs: str, ours: str, side: int, tmp_path: Path
) -> None:
    from headstart.backbones.catalog import timm_name

    torch.manual_seed(0)
    more = {"init_weights": True} if theirs == "inception_v3" else {}
    network = getattr(models, theirs)(weights=None, num_classes=7, **more).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    found = from_timm.network_of(Request(ours, timm_name(ours), str(path), "", input_size=side))
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = network(x)
        assert expected.abs().max() > 1e-3
        scale = expected.abs().max()
        torch.testing.assert_close(found(x) / scale, expected / scale, rtol=0, atol=1e-5)


def test_old_names_of_a_densenet() -> None:
    from headstart.backbones.torchvision_names import to_timm

    old = {"features.denseblock1.denselayer1.norm.1.weight": torch.zeros(1)}
    assert list(to_timm(old, {}, "densenet121")) == [
        "features.denseblock1.denselayer1.norm1.weight"
    ]
