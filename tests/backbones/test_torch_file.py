from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones.catalog import OFFLINE
from headstart.backbones.torch_file import read_tensors
from headstart.errors import WeightsError

LITE0 = OFFLINE["efficientnet_lite0"].file()


@pytest.mark.long
def test_it_reads_what_torch_reads(tmp_path: Path) -> None:
    import torch

    state = {
        "plain": torch.randn(3, 4),
        "turned": torch.randn(3, 4).T,
        "part": torch.arange(12.0)[5:9],
        "count": torch.tensor(7),
    }
    path = tmp_path / "state.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    for file in (path, LITE0):
        found, expected = read_tensors(file), torch.load(file, weights_only=True)
        assert list(found) == list(expected)
        for name, tensor in expected.items():
            np.testing.assert_array_equal(found[name], tensor.numpy())
            assert found[name].dtype == tensor.numpy().dtype


class _Nasty:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-a-pickle",)


@pytest.mark.parametrize("at", [0, 3])
def test_no_code_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "nasty.pth"
    parts: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {}, {}, []]
    parts[at] = _Nasty()
    path.write_bytes(b"".join(map(pickle.dumps, parts)))
    with pytest.raises(WeightsError, match=r"it holds (posix|nt)\.mkdir"):
        read_tensors(path)
    assert not (tmp_path / "made-by-a-pickle").exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4 a zip", pickle.dumps({"a": 1}), b"\x80\x02J"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot read weights"):
        read_tensors(path)


@pytest.mark.parametrize("at", [3, 4])
def test_another_kind_of_thing_in_its_place_is_refused(tmp_path: Path, at: int) -> None:
    parts: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {}, {}, []]
    parts[at] = 7
    path = tmp_path / "weights.pth"
    path.write_bytes(b"".join(map(pickle.dumps, parts)))
    with pytest.raises(WeightsError, match="cannot read weights"):
        read_tensors(path)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_cut_file_is_refused(tmp_path: Path, share: float) -> None:
    assert LITE0 is not None
    content = LITE0.read_bytes()
    path = tmp_path / "weights.pth"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match="cannot read weights"):
        read_tensors(path)
