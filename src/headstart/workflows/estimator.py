"""scikit-learn's contract around the whole road: paths (or features) in, labels out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from headstart.backbones.catalog import DEFAULT
from headstart.backbones.loading import load_backbone
from headstart.errors import DatasetError
from headstart.features.extraction import extract
from headstart.features.store import FeatureStore
from headstart.files import cache_folder
from headstart.heads.catalog import make_head
from headstart.progress import Silent

Pictures = Sequence[str | os.PathLike[str]] | npt.NDArray[Any]


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A head on a frozen backbone, as a scikit-learn classifier.

    Works in ``cross_val_score``, ``Pipeline`` and ``GridSearchCV``. Features are kept in the
    store, so every fold after the first costs seconds.

    Args:
        backbone: An offline name, a Keras name, or any timm name.
        head: Its name: ``"ridge"``, ``"softmax"``, ``"linear-svm"``, ...
        taps: Depths whose features are put side by side; ``"all"`` or names.
        weights: A weights file, ``"random"``, or None for the backbone's own.
        seed: For heads that draw random numbers.
        cache: Where features are kept; None: the user's cache folder.

    Example:
        >>> ImageClassifier(head="ridge").get_params()["head"]
        'ridge'
    """

    def __init__(
        self,
        backbone: str = DEFAULT,
        head: str = "softmax",
        taps: str | tuple[str, ...] = ("head",),
        weights: str | None = None,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.taps = taps
        self.weights = weights
        self.seed = seed
        self.cache = cache

    def fit(self, X: Pictures, y: Sequence[Any]) -> ImageClassifier:
        """Fit the head.

        Args:
            X: N paths, or uint8 pictures [N, H, W, 3], or features float [N, D].
            y: N labels.

        Raises:
            DatasetError: A picture cannot be used: an estimator may drop no row.
        """
        self.head_ = make_head(self.head, self.seed).fit(self._features(X), np.asarray(y))
        self.classes_ = self.head_.classes_
        return self

    def predict(self, X: Pictures) -> npt.NDArray[Any]:
        """N labels."""
        check_is_fitted(self)
        return np.asarray(self.head_.predict(self._features(X)))

    def predict_proba(self, X: Pictures) -> npt.NDArray[np.float32]:
        """float32 [N, C], in the order of ``classes_``."""
        check_is_fitted(self)
        return np.asarray(self.head_.predict_proba(self._features(X)))

    def _features(self, X: Pictures) -> npt.NDArray[np.float32]:
        values = np.asarray(X)
        if values.ndim == 2 and values.dtype.kind == "f":
            return values.astype(np.float32, copy=False)
        if values.ndim == 4:
            return self._of_pixels(values)
        return self._of_paths([Path(os.fspath(path)) for path in X])

    def _of_paths(self, paths: list[Path]) -> npt.NDArray[np.float32]:
        cache = Path(self.cache) if self.cache else cache_folder()
        backbone = load_backbone(self.backbone, self.weights, cache=cache, seed=self.seed)
        names = [os.fspath(path) for path in paths]
        found = extract(paths, names, backbone, FeatureStore(cache, backbone), progress=Silent())
        if found.unusable:
            first = found.unusable[0]
            raise DatasetError(
                f"{len(found.unusable)} of {len(paths)} pictures cannot be used; "
                f"first: {first.path}: {first.reason} {first.detail}",
                "pictures that can be decoded: an estimator may not drop rows",
                "leave them out; headstart.check lists them all",
            )
        return found.joined(self._taps(backbone.tap_names), np.arange(len(found)))

    def _of_pixels(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        from headstart.backbones.engine import Engine
        from headstart.images.decode import of_array

        cache = Path(self.cache) if self.cache else cache_folder()
        backbone = load_backbone(self.backbone, self.weights, cache=cache, seed=self.seed)
        names = self._taps(backbone.tap_names)
        engine = Engine(backbone.graph, names)
        rows = []
        for array in pixels:
            outputs = engine.run(backbone.preprocessing.pixels(of_array(array)))
            rows.append(np.concatenate([outputs[name] for name in names]))
        return np.stack(rows)

    def _taps(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return names if self.taps == "all" else tuple(self.taps)
