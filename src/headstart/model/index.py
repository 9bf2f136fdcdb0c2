"""The doorkeeper of faiss: among very many training pictures, only some are compared."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import numpy.typing as npt

# Below, comparing with all of them takes a fraction of a second, and misses none.
ABOVE = 1_000_000
_PROBED = 32
_LEARNED_FROM_PER_CELL = 64


class Index:
    """Training pictures in cells around centres; a search looks into the nearest cells.

    Args:
        features: float32 [M, D], rows of length 1.

    Source:
        Johnson, Douze and Jegou 2017, "Billion-scale similarity search with GPUs" (arXiv
        1702.08734): faiss' `IndexIVFFlat`, with inner products.
    """

    def __init__(self, features: npt.NDArray[np.float32]) -> None:
        import faiss

        num_rows, dim = features.shape
        cells = int(4 * math.sqrt(num_rows))
        self._index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(dim), dim, cells, faiss.METRIC_INNER_PRODUCT
        )
        step = max(1, num_rows // (cells * _LEARNED_FROM_PER_CELL))
        self._index.train(np.ascontiguousarray(features[::step]))
        self._index.add(features)
        self._index.nprobe = _PROBED

    def nearest(self, direction: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
        """int64 [at most ``count``]: rows that are near to a direction float32 [D]."""
        _, rows = self._index.search(direction[None, :], count)
        return np.asarray(rows[0][rows[0] >= 0], dtype=np.int64)


def index_of(features: npt.NDArray[np.float32]) -> Index | None:
    """An index where it pays and faiss is installed (``pip install 'headstart[faiss]'``)."""
    if len(features) <= ABOVE or importlib.util.find_spec("faiss") is None:
        return None
    return Index(features)
