"""Which backbones a name leaves to choose from."""

import pytest

from headstart.backbones.catalog import OFFLINE, at_hand, contenders
from headstart.backbones.loading import load_backbone
from headstart.errors import SettingError


def test_auto_means_those_that_are_installed(monkeypatch):
    assert contenders("auto") == at_hand()
    assert "efficientnet_lite0" in at_hand()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert at_hand() == ()


def test_auto_among_some_means_these():
    assert contenders("auto:resnet50, vgg16") == ("resnet50", "vgg16")


@pytest.mark.parametrize("name", ["resnet50", "ResNet50", "efficientnet_lite0", "autoformer"])
def test_the_name_of_one_leaves_nothing_to_choose(name):
    assert contenders(name) == ()


@pytest.mark.parametrize("name", ["auto:", "auto:a,,b", "auto:a,a", "auto:ResNet50,resnet50"])
def test_names_that_are_missing_or_twice(name):
    with pytest.raises(SettingError, match="the backbone is"):
        contenders(name)


def test_only_fit_chooses(tmp_path):
    with pytest.raises(SettingError, match="only fit chooses one"):
        load_backbone("auto", cache=tmp_path)


def test_priors_grow_with_the_network():
    priors = [entry.prior for entry in OFFLINE.values()]
    assert priors == sorted(priors)
    assert all(0.7 < prior < 0.8 for prior in priors)
