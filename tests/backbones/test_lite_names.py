import pytest

from headstart.backbones.catalog import OFFLINE
from headstart.backbones.lite_names import is_lite, to_timm


def test_names_of_blocks_with_and_without_expansion() -> None:
    state = {
        "_conv_stem.weight": 0,
        "_blocks.0._depthwise_conv.weight": 1,
        "_blocks.0._bn2.bias": 2,
        "_blocks.1._expand_conv.weight": 3,
        "_blocks.1._bn2.bias": 4,
        "_blocks.2._expand_conv.weight": 5,
        "_fc.bias": 6,
    }
    assert is_lite(state)
    assert to_timm(state, [1, 2]) == {
        "conv_stem.weight": 0,
        "blocks.0.0.conv_dw.weight": 1,
        "blocks.0.0.bn2.bias": 2,
        "blocks.1.0.conv_pw.weight": 3,
        "blocks.1.0.bn3.bias": 4,
        "blocks.1.1.conv_pw.weight": 5,
        "classifier.bias": 6,
    }


def test_other_names_are_not_taken_for_lite() -> None:
    assert not is_lite({"conv_stem.weight": 0})


@pytest.mark.parametrize("name", OFFLINE)
def test_the_default_package_is_found_without_importing_it(name: str) -> None:
    import sys

    file = OFFLINE[name].file()
    assert (file is not None) == (name == "efficientnet_lite0") or file is not None
    assert OFFLINE[name].package.replace("-", "_") not in sys.modules
