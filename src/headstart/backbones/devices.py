"""Where networks are run: on the processor, or on a graphics card where there is one.

torch is asked only where a card may be: without a driver there is nothing to ask about, and the
process that predicts stays free of it.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from headstart.backbones import engine
from headstart.backbones.engine import Engine, Runs
from headstart.errors import BundleError, SettingError

CPU, AUTO = "cpu", "auto"
WORDS = "auto, cpu, cuda, cuda:1 (another card), or mps"

_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
# What the drivers of NVIDIA, of WSL and of AMD put there.
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def is_device(name: str) -> bool:
    """Whether it may be the name of one."""
    return bool(_NAME.fullmatch(name))


@lru_cache
def device_of(asked: str) -> str:
    """The device's name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Args:
        asked: Such a name; or ``"auto"``: cuda where torch sees a card, else mps, else cpu.

    Raises:
        SettingError: No name of a device, or it is not there.
    """
    if not is_device(asked):
        raise SettingError(f"device is {asked!r}", WORDS, "change it (--device)")
    if asked == AUTO:
        found = (name for name in ("cuda", "mps") if may_have(name) and _is_there(name))
        return next(found, CPU)
    if asked != CPU and not _is_there(asked):
        raise SettingError(
            f"device is {asked!r}, and it is not there: {_seen()}",
            "a device of this machine, and a torch that was built for it",
            "leave --device out, or install torch for the card (https://pytorch.org/get-started)",
        )
    return asked


def may_have(kind: str) -> bool:
    """Whether there may be such a card: told by the machine, without torch."""
    if sys.platform == "darwin":
        return kind == "mps" and platform.machine() == "arm64"
    if sys.platform == "win32":
        library = Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvcuda.dll")
        return kind == "cuda" and library.exists()
    return kind == "cuda" and any(map(os.path.exists, _DRIVERS))


def has_bf16(device: str) -> bool:
    """Whether it multiplies numbers of 16 bits (bfloat16) itself."""
    if device == CPU:
        return engine.has_bf16()
    from headstart.backbones import torch_engine

    return torch_engine.has_bf16(device)


def engine_on(
    device: str,
    graph: Path,
    outputs: tuple[str, ...] | None = None,
    threads: int | None = None,
    precision: str = "f32",
    exact: tuple[str, ...] = (),
    say: Callable[[str], None] | None = None,
) -> Runs:
    """What runs a graph there.

    Args:
        device: As for `device_of`. With ``"auto"``, what the card cannot do the processor does.
        graph: As for `engine.Engine`, like all that follows.
        outputs: Likewise.
        threads: Likewise; a card does not ask.
        precision: Likewise.
        exact: Likewise.
        say: Told what does not go as one would think.

    Raises:
        SettingError: The device is not there.
        BundleError: The file is no graph, or one that the device cannot run.
    """
    found = device_of(device)
    if found != CPU:
        from headstart.backbones.torch_engine import TorchEngine

        try:
            return TorchEngine(graph, outputs, found, precision, exact, say)
        except BundleError as error:
            if device != AUTO:
                raise
            if say:
                say(f"{error.what}; the processor does it")
    return Engine(graph, outputs, threads, precision, exact)


def _is_there(name: str) -> bool:
    try:
        from headstart.backbones.torch_engine import is_there
    except ImportError:
        return False
    return is_there(name)


def _seen() -> str:
    try:
        from headstart.backbones.torch_engine import seen
    except ImportError as error:
        return f"torch cannot be imported ({error})"
    return seen()
