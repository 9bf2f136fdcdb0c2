"""Tensors of a weights file as torch before 1.6 wrote it, without torch. No code in it is run.

Source:
    torch/serialization.py, ``_legacy_load``: five pickles (a magic number, the protocol, the
    machine, the objects, the storages' keys), then each storage's length and bytes.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from headstart.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}

# What reading a damaged pickle ends in.
_DAMAGED = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError),
    *(LookupError, OverflowError, MemoryError),
)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Name to array.

    Raises:
        WeightsError: It is no such file, or holds more than plain tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except _DAMAGED as error:
        raise WeightsError(
            f"cannot read weights from {path}: {error}",
            "plain tensors, as torch.save wrote them before torch 1.6",
            "install the package of the weights again",
        ) from error


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor lies in a storage."""

    storage: tuple[str, str]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storages: dict[str, bytes]) -> npt.NDArray[Any]:
        kind, key = self.storage
        values = np.frombuffer(storages[key], _TYPES[kind])[self.offset :]
        pairs = list(zip(self.shape, self.strides, strict=True))
        # numpy would look behind the end of the memory.
        if min(self.strides, default=0) < 0 or sum((n - 1) * s for n, s in pairs) >= len(values):
            raise ValueError("a tensor is larger than what holds it")
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides).copy()


class _Plain(pickle.Unpickler):
    """Knows tables, tensors and storages, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(
                storage, offset, shape, strides
            )
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"it holds {module}.{name}")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        _, kind, key, _, _, view = pid
        if view is not None:
            raise pickle.UnpicklingError("it holds views of storages")
        return kind, key


def _read(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    magic, _, _, tensors, keys = (_Plain(file).load() for _ in range(5))
    if magic != _MAGIC:
        raise ValueError("it is no file of torch before 1.6")
    kinds = {tensor.storage[1]: tensor.storage[0] for tensor in tensors.values()}
    storages = {}
    for key in keys:
        length = int.from_bytes(file.read(8), "little")
        storages[key] = file.read(length * _TYPES[kinds[key]].itemsize)
    return {name: tensor.of(storages) for name, tensor in tensors.items()}
