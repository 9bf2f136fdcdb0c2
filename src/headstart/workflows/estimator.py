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

from headstart.backbones.backbone import Backbone
from headstart.backbones.catalog import DEFAULT
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.errors import DatasetError, SettingError
from headstart.features.extraction import extract
from headstart.features.store import FeatureStore
from headstart.files import cache_folder
from headstart.heads.candidates import rooted
from headstart.heads.catalog import PUBLISHED, make_head
from headstart.images.decode import of_array
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
            X: N paths, or uint8 pictures [N, H, W, 3], or features [N, D]; features that are given
                reach the head as they are.
            y: N labels.

        Raises:
            DatasetError: A picture cannot be used: an estimator may drop no row.
            SettingError: No head, backbone or tap has that name.
        """
        self.head_ = make_head(self.head, self.seed).fit(self._features(X), y)
        self.classes_ = self.head_.classes_
        self.n_features_in_ = self.head_.n_features_in_
        return self

    def predict(self, X: Pictures) -> npt.NDArray[Any]:
        """N labels."""
        check_is_fitted(self)
        return self.head_.predict(self._features(X))

    def predict_proba(self, X: Pictures) -> npt.NDArray[np.float32]:
        """float32 [N, C], in the order of ``classes_``."""
        check_is_fitted(self)
        return self.head_.predict_proba(self._features(X))

    def _features(self, X: Any) -> Any:
        """Features [N, D]; what is neither paths nor pictures is left for the head to judge."""
        if _are_paths(X):
            return self._of_paths([Path(os.fspath(path)) for path in X])
        return self._of_pixels(np.asarray(X)) if getattr(X, "ndim", 0) == 4 else X

    def _of_paths(self, paths: list[Path]) -> npt.NDArray[np.float32]:
        backbone, cache = self._backbone()
        taps = self._taps(backbone.tap_names)
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
        return self._seen(found.joined(taps, np.arange(len(found))))

    def _of_pixels(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        backbone, _ = self._backbone()
        taps = self._taps(backbone.tap_names)
        engine = Engine(backbone.graph, taps)
        rows = []
        for array in pixels:
            outputs = engine.run(backbone.preprocessing.pixels(of_array(array)))
            rows.append(np.concatenate([outputs[name] for name in taps]))
        return self._seen(np.stack(rows))

    def _seen(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """As the head is meant to see them."""
        return features if self.head in PUBLISHED else rooted(features)

    def _backbone(self) -> tuple[Backbone, Path]:
        cache = Path(self.cache) if self.cache else cache_folder()
        return load_backbone(self.backbone, self.weights, cache=cache, seed=self.seed), cache

    def _taps(self, known: tuple[str, ...]) -> tuple[str, ...]:
        if self.taps == "all":
            return known
        taps = (self.taps,) if isinstance(self.taps, str) else tuple(self.taps)
        for name in taps:
            if name not in known:
                raise SettingError(
                    f"{self.backbone} has no tap {name!r}",
                    f"taps among {', '.join(known)}",
                    "choose one of them, or 'all'",
                )
        return taps


def _are_paths(X: Any) -> bool:
    """Whether X is a list, an array or a column of paths (a table's columns have names too)."""
    one_dimensional = isinstance(X, list | tuple) or getattr(X, "ndim", 0) == 1
    return one_dimensional and len(X) > 0 and all(isinstance(x, str | os.PathLike) for x in X)
