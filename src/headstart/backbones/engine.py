"""The doorkeeper of OpenVINO: runs a graph on the processor, from many threads at once."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import BundleError

Outputs = dict[str, npt.NDArray[np.float32]]


def num_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Engine:
    """A compiled graph.

    One picture at a time is the fastest batch on a processor: its activations stay in the cache
    of one core. Each core runs a stream of its own; callers' threads wait in ``run`` with the
    interpreter's lock released.

    Args:
        graph: ONNX file with an input ``pixels`` uint8 [N, H, W, 3].
        outputs: Names to compute; None: all of them.
        threads: Streams; None: one a core.

    Raises:
        BundleError: The file is no such graph.
    """

    def __init__(
        self, graph: Path, outputs: tuple[str, ...] | None = None, threads: int | None = None
    ) -> None:
        import openvino

        streams = threads or num_cores()
        try:
            model = openvino.Core().read_model(str(graph))
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
        compiled = openvino.Core().compile_model(
            model,
            "CPU",
            {
                # The engine's own default is bfloat16 where the processor has it.
                "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": streams,
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._requests: queue.LifoQueue[_Request] = queue.LifoQueue()
        for _ in range(2 * streams):
            self._requests.put(_Request(compiled.create_infer_request(), self.outputs))

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
    """An engine that is compiled when the first picture needs it: often all features are kept.

    Args:
        graph, outputs, threads: As for `Engine`, whose errors ``run`` may raise.
    """

    def __init__(
        self, graph: Path, outputs: tuple[str, ...] | None = None, threads: int | None = None
    ) -> None:
        self._given = graph, outputs, threads
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """As of `Engine`."""
        with self._lock:
            self._engine = self._engine or Engine(*self._given)
        return self._engine.run(pixels)


class _Request:
    """One inference slot and views of its memory."""

    def __init__(self, request: Any, outputs: tuple[str, ...]) -> None:
        self._request = request
        # Reading `.data` for the first time in two threads at once can deadlock (OpenVINO
        # 2026.4), so every view is taken here, in the thread that builds the engine.
        self._pixels = request.get_input_tensor().data
        self._outputs = {name: request.get_tensor(name).data for name in outputs}

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        self._pixels[0] = pixels
        self._request.infer()
        return {name: view[0].copy() for name, view in self._outputs.items()}


def _drop(model: Any, output: Any) -> None:
    model.remove_result(output.get_node())
