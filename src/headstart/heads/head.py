"""What every head shares: scikit-learn's contract around a tuple of layers."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from headstart import layers
from headstart.heads.calibration import fit_temperature
from headstart.heads.hold_out import hold_outs
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Array, Layer


class Head(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier on features whose scores are a few array operations.

    A concrete head implements ``_fit`` and stores its settings, nothing else.

    Attributes:
        classes_: [C], the labels, sorted.
        n_features_in_: D.
        layers_: The fitted head: raw features in, scores [N, C] out (C columns also for two
            classes).
        temperature_: Probabilities are ``softmax(scores / temperature_)``.
    """

    classes_: npt.NDArray[Any]
    n_features_in_: int
    layers_: tuple[Layer, ...]
    temperature_: float

    @abstractmethod
    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        """Learn the layers; every class index below ``num_classes`` occurs in ``y``."""

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Self:
        """Learn from features.

        Args:
            X: float [N, D].
            y: [N], labels of any kind.
            groups: [N], rows of one group are never used to judge one another when the head
                chooses its settings; None if every row stands alone.

        Raises:
            ValueError: Fewer than two classes, values that are not finite, shapes that differ.
        """
        features, labels = validate_data(self, X, y, dtype=[np.float32, np.float64])
        check_classification_targets(labels)
        self.classes_, index = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"all {len(index)} rows are of one class, {self.classes_.tolist()[0]!r}: "
                "a classifier needs at least two"
            )
        if groups is not None:
            check_consistent_length(features, groups)
        members = None if groups is None else np.unique(groups, return_inverse=True)[1]
        rows = Rows(features)
        with threadpool_limits(1):  # Sums would depend on the number of threads.
            self.layers_ = self._fit(rows, index, len(self.classes_), members)
            self.temperature_ = self._calibrate(rows, index, members)
        return self

    def fit_rows(
        self, rows: Rows, y: Integers, groups: Integers | None, temperature: float = 1.0
    ) -> Self:
        """Learn from rows that other heads share, with a temperature found elsewhere.

        Args:
            rows: The features; their decomposition is computed once for all heads.
            y: int [N], class indices; every one from 0 to the largest occurs.
            groups: int [N] or None, as for ``fit``.
            temperature: For the probabilities.
        """
        self.classes_ = np.unique(y)
        self.n_features_in_ = rows.X.shape[1]
        self.layers_ = self._fit(rows, y, len(self.classes_), groups)
        self.temperature_ = temperature
        return self

    def scores(self, X: npt.ArrayLike) -> Array:
        """float32 [N, C], the largest for the predicted class."""
        check_is_fitted(self)
        return layers.run(self.layers_, validate_data(self, X, dtype=np.float32, reset=False))

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """The scores float32 [N, C]; for two classes their difference [N], second minus first."""
        scores = self.scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """float32 [N, C], rows sum to 1."""
        return layers.softmax(self.scores(X), self.temperature_)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """[N], the label with the largest score; the first of ``classes_`` among equals."""
        best = self.scores(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _calibrate(self, rows: Rows, y: Integers, groups: Integers | None) -> float:
        """The temperature for scores of rows that a twin of this head was not fitted on."""
        scores, labels = [], []
        for held in hold_outs(y, groups, getattr(self, "seed", 0)):
            kept_groups = None if groups is None else groups[~held]
            twin = clone(self).fit_rows(Rows(rows.X[~held]), y[~held], kept_groups)
            scores.append(twin.scores(rows.X[held]))
            labels.append(y[held])
        return fit_temperature(np.concatenate(scores), np.concatenate(labels)) if scores else 1.0
