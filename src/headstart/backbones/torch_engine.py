"""Runs a graph on a graphics card, from many threads at once: what waits goes together.

The same duty as `engine.Engine`, whose place it takes where there is a card.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from headstart.backbones.engine import Outputs
from headstart.backbones.torch_graph import TorchGraph
from headstart.errors import BundleError

_MOST_AT_ONCE = 64


def is_there(device: str) -> bool:
    """Whether torch sees a device of that name."""
    kind, _, number = device.partition(":")
    if kind == "cuda":
        return torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()
    return kind == "cpu" or (kind == "mps" and not number and torch.backends.mps.is_available())


def seen() -> str:
    """What torch sees, in words."""
    cards = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    cards = [f"cuda:{number} ({name})" for number, name in enumerate(cards)]
    cards += ["mps"] * torch.backends.mps.is_available()
    return f"torch {torch.__version__} sees {', '.join(cards) or 'no card'}"


def has_bf16(device: str) -> bool:
    """Whether the card multiplies numbers of 16 bits (bfloat16) itself."""
    if not device.startswith("cuda"):
        return False
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


@dataclass(eq=False)
class _Asked:
    """A picture that waits, and what became of it."""

    pixels: npt.NDArray[np.uint8]
    outputs: Outputs | None = None
    error: BaseException | None = None

    @property
    def is_answered(self) -> bool:
        return self.outputs is not None or self.error is not None


class TorchEngine:
    """A graph on a device of torch's.

    Whoever comes while the card is at work waits; the next to get the card takes all who wait.
    So batches are as large as the card is slow, and a lone picture waits for nobody.

    Args:
        graph: ONNX file with an input ``pixels`` uint8 [N, H, W, 3].
        outputs: Names to compute; None: all of them.
        device: torch's name of it.
        precision: ``"f32"``: to its last bit, so that features are those of the processor;
            ``"bf16"``, where the card has it (float32 elsewhere).
        exact: Vectors on the way whose precision is the last thing to be lost: all that is
            computed from them is float32.
        say: Told when the card has too little memory for so many pictures at once.

    Raises:
        BundleError: The file is no graph, or holds what cannot be done there.
    """

    def __init__(
        self,
        graph: Path,
        outputs: tuple[str, ...] | None = None,
        device: str = "cuda",
        precision: str = "f32",
        exact: tuple[str, ...] = (),
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._device = torch.device(device)
        half = torch.bfloat16 if precision == "bf16" and has_bf16(device) else None
        self._waiting: collections.deque[_Asked] = collections.deque()
        self._turn = threading.Lock()
        self._most = _MOST_AT_ONCE
        self._say = say
        try:
            self._graph = TorchGraph(graph, outputs, self._device, half, exact)
            # Once before it matters: what cannot be done is found, and the card is ready.
            self._outputs(np.zeros((1, self.size, self.size, 3), np.uint8))
        except Exception as error:  # onnx, torch and the card's driver raise many kinds
            raise BundleError(
                f"{graph} cannot be run on {device}: {type(error).__name__} "
                f"{(str(error).splitlines() or [''])[0]}",
                "a graph with operations that torch knows there",
                "leave it to the processor: --device cpu",
            ) from error

    @property
    def size(self) -> int:
        """Side of the pictures, in pixels."""
        return self._graph.side

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it computes."""
        return self._graph.outputs

    def run(self, pixels: npt.NDArray[np.uint8]) -> Outputs:
        """The outputs for one picture; may be called from many threads.

        Args:
            pixels: uint8 [H, W, 3].

        Returns:
            float32 [D] by output name.
        """
        own = _Asked(pixels)
        self._waiting.append(own)
        with self._turn:
            while not own.is_answered:
                self._answer_some()
        if own.error is not None:
            raise own.error
        assert own.outputs is not None
        return own.outputs

    def _answer_some(self) -> None:
        number = min(self._most, len(self._waiting))
        asked = [self._waiting.popleft() for _ in range(number)]
        try:
            self._answer(asked)
        except Exception as error:  # whoever asked is told, none waits forever
            for one in asked:
                if not one.is_answered:
                    one.error = error

    def _answer(self, asked: list[_Asked]) -> None:
        try:
            rows = self._outputs(np.stack([one.pixels for one in asked]))
        except torch.OutOfMemoryError:
            if len(asked) == 1:
                raise
            half = len(asked) // 2
            self._most = min(self._most, half)
        else:
            for place, one in enumerate(asked):
                one.outputs = {name: values[place].copy() for name, values in rows.items()}
            return
        # Outside of the handler: what failed holds its memory until it is forgotten.
        self._tell()
        torch.cuda.empty_cache()
        self._answer(asked[:half])
        self._answer(asked[half:])

    def _tell(self) -> None:
        say, self._say = self._say, None
        if say:
            say(f"{self._device} is short of memory: {self._most} pictures at once, or fewer")

    def _outputs(self, pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[Any]]:
        found = self._graph.run(torch.from_numpy(pixels).to(self._device))
        return {name: values.float().cpu().numpy() for name, values in found.items()}
