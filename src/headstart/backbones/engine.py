"""The doorkeeper of OpenVINO: runs a graph on the processor, from many threads at once."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from headstart.errors import BundleError

Outputs = dict[str, npt.NDArray[np.float32]]

PRECISIONS = ("f32", "bf16")


class Runs(Protocol):
    """What runs a graph, wherever."""

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """As `Engine.run`."""


def num_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Whether the processor multiplies numbers of 16 bits (bfloat16) itself."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class Engine:
    """A compiled graph.

    One picture at a time is the fastest batch on a processor: its activations stay in the cache
    of one core. Each core runs a stream of its own; callers' threads wait in ``run`` with the
    interpreter's lock released.

    Args:
        graph: ONNX file with an input ``pixels`` uint8 [N, H, W, 3].
        outputs: Names to compute; None: all of them.
        threads: Streams; None: one a core.
        precision: ``"f32"``; or ``"bf16"``, about twice as fast where the processor has it, with
            other numbers (float32 elsewhere).
        exact: Vectors on the way whose precision is the last thing to be lost: all that is
            computed from them is float32.

    Raises:
        BundleError: The file is no such graph.
    """

    def __init__(
        self,
        graph: Path,
        outputs: tuple[str, ...] | None = None,
        threads: int | None = None,
        precision: str = "f32",
        exact: tuple[str, ...] = (),
    ) -> None:
        streams = threads or num_cores()
        try:
            model = _core().read_model(str(graph))
            side = model.input(0).get_partial_shape()[1].get_length()
            model.reshape([1, side, side, 3])
        except Exception as error:  # the engine raises RuntimeError for every kind of damage
            raise BundleError(
                f"{graph} is not a graph that can be run: {str(error).splitlines()[0]}",
                "an ONNX file with uint8 pixels [N, H, W, 3] in",
                "make it again with headstart fit",
            ) from error
        self.size = int(side)
        self.outputs = outputs or tuple(output.get_any_name() for output in model.outputs)
        for output in list(model.outputs):
            if output.get_any_name() not in self.outputs:
                _drop(model, output)
        parts = [(model, precision)]
        if exact and precision != "f32":
            network, rest = _cut(model, exact)
            parts = [(network, precision), (rest, "f32")]
        compiled = [_compile(part, streams, kind) for part, kind in parts]
        self._requests: queue.LifoQueue[_Request] = queue.LifoQueue()
        for _ in range(2 * streams):
            requests = [part.create_infer_request() for part in compiled]
            self._requests.put(_Request(requests, exact, self.outputs))

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """The outputs for one picture; may be called from many threads.

        Args:
            pixels: uint8 [H, W, 3].

        Returns:
            float32 [D] by output name.
        """
        request = self._requests.get()
        try:
            return request.run(pixels)
        finally:
            self._requests.put(request)


class LazyEngine:
    """An engine that is made when the first picture needs it: often all features are kept.

    Args:
        make: Makes it; ``run`` may raise its errors.
    """

    def __init__(self, make: Callable[[], Runs]) -> None:
        self._make = make
        self._engine: Runs | None = None
        self._lock = threading.Lock()

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """As of `Engine`."""
        with self._lock:
            self._engine = self._engine or self._make()
        return self._engine.run(pixels)


class _Request:
    """One inference slot and views of its memory; the last of its parts gives the outputs."""

    def __init__(
        self, requests: list[Any], between: tuple[str, ...], outputs: tuple[str, ...]
    ) -> None:
        first, *rest = self._requests = requests
        # Reading `.data` for the first time in two threads at once can deadlock (OpenVINO
        # 2026.4), so every view is taken here, in the thread that builds the engine.
        self._pixels = first.get_input_tensor().data
        self._handed = [
            (part.get_tensor(name).data, first.get_tensor(name).data)
            for part in rest
            for name in between
        ]
        self._outputs = {name: requests[-1].get_tensor(name).data for name in outputs}

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        self._pixels[0] = pixels
        first, *rest = self._requests
        first.infer()
        for taken, given in self._handed:
            taken[:] = given
        for part in rest:
            part.infer()
        return {name: view[0].copy() for name, view in self._outputs.items()}


_core_lock = threading.Lock()


def _core() -> Any:
    """The library's root object: one for the process, kept to its end.

    Loading its processor plugin gives the calling thread a stack for signals, and the plugin frees
    it with the last core and graph, in whatever thread that happens: the next signal would then
    end the process (OpenVINO 2026.4, on processors with AMX).
    """
    with _core_lock:
        return _only_core()


@lru_cache(maxsize=1)
def _only_core() -> Any:
    import openvino

    return openvino.Core()


def _compile(model: Any, streams: int, precision: str) -> Any:
    options = {
        # The engine's own default is bfloat16 where the processor has it.
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": streams,
        "ENABLE_CPU_PINNING": False,
    }
    return _core().compile_model(model, "CPU", options)


def _drop(model: Any, output: Any) -> None:
    model.remove_result(output.get_node())


def _cut(model: Any, names: tuple[str, ...]) -> tuple[Any, Any]:
    """A graph in two: up to the vectors of these names, and what is computed from them."""
    import openvino

    found = {
        name: output for op in model.get_ops() for output in op.outputs() for name in output.names
    }
    network = openvino.Model([found[name] for name in names], model.get_parameters())
    inside = {op.get_friendly_name() for op in network.get_ops()}
    inputs = []
    for name in names:
        given = openvino.opset13.parameter(found[name].get_partial_shape(), np.float32, name)
        given.output(0).set_names({name})
        inputs.append(given)
        for target in found[name].get_target_inputs():
            if target.get_node().get_friendly_name() not in inside:
                target.replace_source_output(given.output(0))
    return network, openvino.Model(model.get_results(), inputs)
