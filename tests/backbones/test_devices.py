from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headstart.backbones import devices
from headstart.backbones.devices import device_of, engine_on
from headstart.errors import BundleError, SettingError

no_card = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    device_of.cache_clear()
    yield
    device_of.cache_clear()


@no_card
@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_a_device_that_is_not_there_says_what_is(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        device_of(name)
    assert f"device is '{name}'" in caught.value.what
    assert f"torch {torch.__version__} sees" in caught.value.what
    assert "leave --device out" in caught.value.fix


@pytest.mark.parametrize("name", ["gpu", "cuda1", "cuda:", "CUDA", ""])
def test_what_is_no_name_of_a_device_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="device is"):
        device_of(name)


@no_card
def test_auto_without_a_card_asks_no_torch(bundle: Path) -> None:
    program = (
        "import sys, headstart as hs; from headstart.backbones.devices import device_of\n"
        f"assert device_of('auto') == 'cpu'; hs.load({str(bundle)!r})\n"
        "assert not {'torch', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_auto_takes_the_card_that_torch_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "may_have", lambda kind: True)
    monkeypatch.setattr(devices, "_is_there", lambda name: name == "mps")
    assert device_of("auto") == "mps"
    device_of.cache_clear()
    monkeypatch.setattr(devices, "_is_there", lambda name: True)
    assert device_of("auto") == "cuda"


def test_a_driver_without_a_torch_that_sees_a_card_is_no_card(monkeypatch) -> None:
    monkeypatch.setattr(devices, "may_have", lambda kind: True)
    monkeypatch.setattr(devices, "_is_there", lambda name: False)
    assert device_of("auto") == "cpu"


@no_card
def test_what_a_card_cannot_run_the_processor_does(backbone, monkeypatch) -> None:
    """No card is here: torch fails when it is asked for one, as it does for what it cannot do."""
    monkeypatch.setattr(devices, "may_have", lambda kind: True)
    monkeypatch.setattr(devices, "_is_there", lambda name: name == "cuda")
    said: list[str] = []
    engine = engine_on("auto", backbone.graph, ("head",), 1, say=said.append)
    assert type(engine).__name__ == "Engine"
    assert "cannot be run on cuda" in said[0]
    with pytest.raises(BundleError, match="cannot be run on cuda"):
        engine_on("cuda", backbone.graph, ("head",), 1)
