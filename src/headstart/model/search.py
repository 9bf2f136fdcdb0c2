"""Exact search among vectors; the doorkeeper of faiss, which does it above a million of them."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt

# Below, numpy takes a fraction of a second.
ABOVE = 1_000_000


def largest_products(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows int64 [count] with the largest inner products, and these float32 [count]; in no order.

    Beyond a million rows by faiss, where it is installed (the extra ``faiss``): it
    keeps the best as it goes, on every core, and needs no index.

    Args:
        vectors: float32 [M, D].
        query: float32 [D].
        count: 1 to M.
    """
    if len(vectors) > ABOVE and importlib.util.find_spec("faiss") is not None:
        import faiss

        products, rows = faiss.knn(query[None], vectors, count, faiss.METRIC_INNER_PRODUCT)
        return rows[0], products[0]
    products = vectors @ query
    rows = np.argpartition(-products, count - 1)[:count]
    return rows, products[rows]
