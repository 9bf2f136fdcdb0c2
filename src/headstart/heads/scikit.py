"""scikit-learn's own linear classifiers on the features as they are, to the last digit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC

from headstart.heads.head import Head
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Affine, Layer


class LogisticHead(Head):
    """scikit-learn's ``LogisticRegression``: L-BFGS, a penalty, features not standardised.

    That it often stops at its largest number of iterations is part of what is repeated here.

    Args:
        C: Inverse of the penalty.
        max_iter: Iterations at most.
    """

    def __init__(self, C: float = 1.0, max_iter: int = 100) -> None:
        self.C = C
        self.max_iter = max_iter

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        return (_affine(LogisticRegression(C=self.C, max_iter=self.max_iter).fit(rows.X, y)),)


class LinearSVCHead(Head):
    """scikit-learn's ``LinearSVC``, its C chosen by accuracy in ten-fold cross-validation.

    A class of fewer than ten rows makes it fewer folds; of one row, C is 1.

    Args:
        choices: Values of C.
        folds: Of the search.
        seed: Draws the order in which liblinear sees the rows.

    Attributes:
        C_: The value chosen.

    Source:
        Tang 2013, "Deep learning using linear support vector machines": squared hinge loss and a
        quadratic penalty.
    """

    def __init__(
        self,
        choices: tuple[float, ...] = (0.01, 0.1, 1, 10, 100),
        folds: int = 10,
        seed: int = 0,
    ) -> None:
        self.choices = choices
        self.folds = folds
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        machine = LinearSVC(random_state=self.seed)
        folds = min(self.folds, int(np.bincount(y).min()))
        if folds > 1:
            search = GridSearchCV(machine, {"C": list(self.choices)}, cv=folds)
            machine = search.fit(rows.X, y).best_estimator_
        else:
            machine = machine.fit(rows.X, y)
        self.C_ = float(machine.C)
        return (_affine(machine),)


def _affine(machine: Any) -> Affine:
    """A fitted linear machine as a layer; the one score of two classes is the second's."""
    weight, bias = machine.coef_.T, np.atleast_1d(machine.intercept_)
    if weight.shape[1] == 1:
        weight, bias = np.pad(weight, ((0, 0), (1, 0))), np.pad(bias, (1, 0))
    return Affine(weight.astype(np.float32), bias.astype(np.float32))
