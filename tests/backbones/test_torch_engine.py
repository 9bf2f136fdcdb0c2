from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from headstart.backbones.engine import Engine
from headstart.backbones.torch_engine import TorchEngine
from headstart.backbones.torch_graph import TorchGraph
from headstart.errors import BundleError
from headstart.model import bundle as bundles
from headstart.model.record import handed_over

SEVERAL = np.random.default_rng(0).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def on_torch(backbone) -> TorchEngine:
    """torch on the processor, which a card is tested by."""
    return TorchEngine(backbone.graph, backbone.tap_names, "cpu")


def alike(found, expected, tolerance: float = 2e-5) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert found[name].shape == values.shape
        assert np.abs(found[name] - values).max() <= tolerance * np.abs(values).max(), name


def test_taps_are_those_of_the_processor(backbone, on_torch: TorchEngine) -> None:
    other = Engine(backbone.graph, backbone.tap_names, 1)
    assert on_torch.outputs == other.outputs
    assert on_torch.size == other.size
    for pixels in SEVERAL[:3]:
        alike(on_torch.run(pixels), other.run(pixels))


def test_a_saved_classifier_answers_alike(bundle: Path) -> None:
    outputs = ("probabilities", "distance", "features")
    taps = handed_over(bundles.read_record(bundle).head["taps"])
    graph = bundle / bundles.GRAPH
    found = TorchEngine(graph, outputs, "cpu", exact=taps)
    expected = Engine(graph, outputs, 1)
    for pixels in SEVERAL[:2]:
        alike(found.run(pixels), expected.run(pixels))


def test_many_threads_get_their_own_answers_from_batches(
    on_torch: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [on_torch.run(pixels) for pixels in SEVERAL]
    sizes: list[int] = []
    begun = threading.Event()

    def outputs(pixels):
        sizes.append(len(pixels))
        begun.wait(5)
        return original(pixels)

    original = on_torch._outputs
    monkeypatch.setattr(on_torch, "_outputs", outputs)
    with ThreadPoolExecutor(len(SEVERAL)) as pool:
        asked = [pool.submit(on_torch.run, pixels) for pixels in SEVERAL]
        while len(on_torch._waiting) + sum(sizes) < len(SEVERAL):
            pass
        begun.set()
        for one, expected in zip(asked, alone, strict=True):
            alike(one.result(), expected, 1e-5)
    assert sum(sizes) == len(SEVERAL)
    assert len(sizes) <= 3  # the first alone or with a few, then all who waited


def test_short_of_memory_the_batch_is_halved_and_it_is_said_once(
    backbone, on_torch: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    sizes: list[int] = []

    def outputs(pixels):
        sizes.append(len(pixels))
        if len(pixels) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"head": pixels.astype(np.float32).mean((1, 2, 3))[:, None]}

    monkeypatch.setattr(on_torch, "_outputs", outputs)
    monkeypatch.setattr(on_torch, "_say", said.append)
    monkeypatch.setattr(on_torch, "_most", 64)
    with on_torch._turn, ThreadPoolExecutor(len(SEVERAL)) as pool:
        asked = [pool.submit(on_torch.run, pixels) for pixels in SEVERAL]
        while len(on_torch._waiting) < len(SEVERAL):
            pass
        on_torch._answer_some()
        on_torch._turn.release()
        answers = [one.result()["head"] for one in asked]
        on_torch._turn.acquire()
    np.testing.assert_allclose(answers, SEVERAL.mean((1, 2, 3))[:, None], rtol=1e-4)
    assert sizes[:3] == [8, 4, 2]
    assert len(said) == 1
    assert "short of memory" in said[0]


def test_an_error_reaches_whoever_asked(
    on_torch: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outputs(pixels):
        raise RuntimeError("a fault of the card")

    monkeypatch.setattr(on_torch, "_outputs", outputs)
    with pytest.raises(RuntimeError, match="a fault"):
        on_torch.run(SEVERAL[0])
    monkeypatch.undo()
    assert np.isfinite(on_torch.run(SEVERAL[0])["head"]).all()


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match="cannot be run on cpu"):
        TorchEngine(tmp_path / "graph.onnx", None, "cpu")


def test_every_operation_finds_its_tensors_on_the_card(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's fake tensors stand on a card that is not there, and fail where places are mixed.

    They have no values: those that shapes are read from are noted before.
    """
    graph = TorchGraph(bundle / bundles.GRAPH, None, torch.device("cpu"))
    graph.run(torch.zeros(3, graph.side, graph.side, 3, dtype=torch.uint8))
    known = [graph._fixed, *graph._following.values()]
    beside = [
        t for values in known for t in values.values() if not (t.is_floating_point() and t.ndim)
    ]
    read = {id(tensor): tensor.tolist() for tensor in beside}
    with FakeTensorMode(allow_non_fake_inputs=True):
        for name in ("tolist", "item"):
            monkeypatch.setattr(torch.Tensor, name, lambda tensor: read[id(tensor)])
        graph._device = torch.device("cuda:0")
        for values in known:
            for name, tensor in values.items():
                if id(tensor) not in read:
                    values[name] = torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda:0")
        pixels = torch.empty(3, graph.side, graph.side, 3, dtype=torch.uint8, device="cuda:0")
        found = graph.run(pixels)
    assert {tensor.device.type for tensor in found.values()} == {"cuda"}
    assert found["probabilities"].shape[0] == 3
