"""What the network that learns is given: batches of the trunk's outputs, or of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from headstart.backbones.devices import engine_on
from headstart.errors import SettingError
from headstart.files import written_whole
from headstart.finetuning import trunk_cache
from headstart.finetuning.cutting import OUTPUT, write_trunk
from headstart.finetuning.pictures import Pictures
from headstart.finetuning.trunk_cache import Halves, TrunkCache
from headstart.in_order import in_order
from headstart.progress import Progress

Items = Sequence[tuple[int, int]]
"""Rows and views, as `pictures.Pictures` numbers them."""

_AHEAD = 4

_MOST_HALF = 6e4


class Inputs(Protocol):
    """Gives batches to the network that learns."""

    def batches(self, batches: Sequence[Items]) -> Iterator[Tensor]:
        """float32 [B, ...] of each batch of rows and views, in order."""

    def blank(self, number: int) -> Tensor:
        """Zeros as a batch has them."""


@dataclass(frozen=True)
class Live:
    """Pictures decoded and augmented while the network learns from the ones before.

    Args:
        pictures: The files.
        threads: That decode.
        device: Where the network learns.
    """

    pictures: Pictures
    threads: int
    device: str

    def batches(self, batches: Sequence[Items]) -> Iterator[Tensor]:
        """Normalised pictures float32 [B, 3, S, S], channels last."""
        items = (item for batch in batches for item in batch)
        pixels = in_order(self.pictures.pixels, items, self.threads, _AHEAD, "views")
        preprocessing = self.pictures.preprocessing
        mean = torch.tensor(preprocessing.mean, device=self.device)
        std = torch.tensor(preprocessing.std, device=self.device)
        for batch in batches:
            stacked = torch.from_numpy(np.stack([next(pixels) for _ in batch])).to(self.device)
            yield ((stacked.float() - mean) / std).permute(0, 3, 1, 2)

    def blank(self, number: int) -> Tensor:
        """Black pictures, channels last."""
        side = self.pictures.preprocessing.size
        return torch.zeros(number, side, side, 3, device=self.device).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Kept:
    """The trunk's outputs, from disk.

    Args:
        digests: Of the rows.
        plain: Holds view 0 and those below.
        augmented: Holds the others.
        device: Where the network learns.
    """

    digests: tuple[bytes, ...]
    plain: TrunkCache
    augmented: TrunkCache
    device: str

    def batches(self, batches: Sequence[Items]) -> Iterator[Tensor]:
        """float32 [B, C, H, W], channels last, or [B, T, D]."""
        for batch in batches:
            values = np.stack([self._of(view)[self.digests[row], view] for row, view in batch])
            yield _channels_first(torch.from_numpy(values).to(self.device).float())

    def blank(self, number: int) -> Tensor:
        """Zeros, likewise."""
        return _channels_first(torch.zeros(number, *self.plain.shape, device=self.device))

    def missing(self, items: Items) -> Items:
        """Which of them are not kept yet."""
        wanted = {(self.digests[row], view): (row, view) for row, view in items}
        return [item for key, item in wanted.items() if key not in self._of(key[1])]

    def fill(
        self, pictures: Pictures, missing: Items, graph: Path, threads: int, progress: Progress
    ) -> None:
        """Compute what is missing.

        Raises:
            StoreError: No room, or the disk cannot be written.
            SettingError: Values beyond what half precision holds.
        """
        trunk_cache.must_fit(self.plain.folder, len(missing) * self.plain.row_bytes)
        progress.say(
            f"keeping what the frozen layers give: {len(missing)} views, "
            f"{len(missing) * self.plain.row_bytes / 1e6:.0f} MB in {self.plain.folder.parent}"
        )
        engine = engine_on(self.device, graph, (OUTPUT,), threads, say=progress.say)

        def values(item: tuple[int, int]) -> Halves:
            return _halves(engine.run(pictures.pixels(item))[OUTPUT])

        progress.start("frozen layers", len(missing))
        try:
            self._gather(missing, in_order(values, missing, 2 * threads, _AHEAD, "trunk"), progress)
        finally:
            progress.stop()

    def _gather(self, items: Items, results: Iterator[Halves], progress: Progress) -> None:
        waiting: dict[bool, list[tuple[bytes, int, Halves]]] = {True: [], False: []}
        try:
            for (row, view), values in zip(items, results, strict=True):
                rows = waiting[view <= 0]
                rows.append((self.digests[row], view, values))
                if len(rows) >= self.plain.rows_per_shard:
                    self._of(view).add(rows)
                    rows.clear()
                progress.advance()
        finally:
            # Also when it is interrupted: what was computed is kept.
            self.plain.add(waiting[True])
            self.augmented.add(waiting[False])

    def _of(self, view: int) -> TrunkCache:
        return self.plain if view <= 0 else self.augmented


def keep(
    trunk: nn.Module, pictures: Pictures, fingerprint: str, cut: str, cache: Path, device: str
) -> tuple[Kept, Path]:
    """The kept outputs of one cut, and the trunk's graph.

    Raises:
        StoreError: The cache cannot be written.
    """
    preprocessing, folder = pictures.preprocessing, cache / "trunks"
    trunk_cache.make_room(folder)
    size = preprocessing.size
    with torch.no_grad():
        shape = tuple(trunk(torch.zeros(1, 3, size, size)).shape[1:])
    # Channels last, as the tail reads them.
    shape = (*shape[1:], shape[0]) if len(shape) == 3 else shape
    augmentation = pictures.augmentation.to_json()
    plain = folder / trunk_cache.key_of(fingerprint, cut, None, 0)
    augmented = folder / trunk_cache.key_of(fingerprint, cut, augmentation, pictures.seed)
    graph = plain / "trunk.onnx"
    if not graph.exists():
        with written_whole(graph) as temporary:
            write_trunk(trunk, preprocessing, temporary)
    stores = TrunkCache(plain, shape), TrunkCache(augmented, shape)
    kept = Kept(pictures.digests, *stores, device)
    return kept, graph


def _channels_first(values: Tensor) -> Tensor:
    return values.permute(0, 3, 1, 2) if values.ndim == 4 else values


def _halves(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Halves:
    if not np.abs(values).max() < _MOST_HALF:  # also when it is not a number
        raise SettingError(
            f"the frozen layers give {np.abs(values).max():g}, too large to be kept",
            f"values below {_MOST_HALF:g}",
            "cut at another stage (train_from), or train_from all",
        )
    channels_last = values.transpose(1, 2, 0) if values.ndim == 3 else values
    return np.ascontiguousarray(channels_last, dtype=np.float16)
