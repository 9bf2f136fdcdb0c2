"""Networks and their weights, as files have them."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from headstart.backbones import from_timm  # noqa: E402
from headstart.errors import WeightsError  # noqa: E402


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    state = from_timm.create("test_vit", None, seed=0).state_dict()
    with pytest.raises(WeightsError, match="do not fit"):
        from_timm.create("test_resnet", state, seed=0)


def test_weights_files_of_every_kind_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    network = from_timm.create("test_resnet", None, seed=5)
    state = network.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "c.pt")
    digests = {
        from_timm.digest_of(from_timm.create("test_resnet", from_timm.read_state(path), seed=9))
        for path in (tmp_path / "a.safetensors", tmp_path / "b.pth", tmp_path / "c.pt")
    }
    assert digests == {from_timm.digest_of(network)}


def test_a_pickled_model_is_not_loaded(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(WeightsError, match="cannot read weights"):
        from_timm.read_state(tmp_path / "model.pth")
