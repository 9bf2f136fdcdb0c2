"""Views of pictures, decoded and augmented on several threads, in the order asked.

The same picture and view give the same pixels whatever the order and the threads.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from headstart.errors import DatasetError, UnusableImage
from headstart.finetuning.settings import Augmentation
from headstart.images.decode import decode, digest_of, read_bytes
from headstart.images.preprocessing import Preprocessing

Pixels = npt.NDArray[np.uint8]
T = TypeVar("T")

_AHEAD_PER_THREAD = 4


@dataclass(frozen=True)
class Pictures:
    """Where the pictures are, and how views are made of them.

    Args:
        paths: Files.
        digests: sha256 of each file's bytes.
        preprocessing: Of the backbone.
        augmentation: Draws the views from 1 on; view 0 is plain.
        seed: For them.
    """

    paths: tuple[Path, ...]
    digests: tuple[bytes, ...]
    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int

    def pixels(self, row: int, view: int) -> Pixels:
        """uint8 [S, S, 3].

        Raises:
            DatasetError: The file changed or vanished since it was first read.
        """
        try:
            data = read_bytes(self.paths[row])
            if digest_of(data) != self.digests[row]:
                raise UnusableImage("corrupt", "its bytes are others than before")
            picture = decode(data, at_least=self.preprocessing.at_least)
        except UnusableImage as error:
            raise DatasetError(
                f"a picture changed while it was learnt from: {self.paths[row]} ({error})",
                "pictures that stay as they are during a run",
                "run the same command again",
            ) from error
        if view == 0:
            return self.preprocessing.pixels(picture)
        from headstart.finetuning.augmentation import augment, random_of

        # A picture is known by its bytes: its views are the same in whatever dataset it stands.
        number = int.from_bytes(self.digests[row][:8], "big")
        return augment(
            picture, self.preprocessing, self.augmentation, random_of(self.seed, number, view)
        )


def in_order(work: Callable[..., T], items: Iterable[tuple[int, int]], threads: int) -> Iterator[T]:
    """``work(row, view)`` of each item, a few items ahead of who asks.

    Args:
        work: May be called from many threads.
        items: Rows and views.
        threads: How many work at once.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="headstart-pictures")
    waiting: collections.deque[Future[T]] = collections.deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, *item))
            if len(waiting) >= _AHEAD_PER_THREAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
