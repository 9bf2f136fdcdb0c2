"""The heads by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from headstart.errors import SettingError
from headstart.heads.centroid import NearestMeanHead
from headstart.heads.dense import DenseHead, SoftmaxLayerHead
from headstart.heads.discriminant import DiscriminantHead
from headstart.heads.ensemble import ENSEMBLE
from headstart.heads.head import Head
from headstart.heads.mlp import FullyConnectedHead
from headstart.heads.neighbors import NeighborsHead
from headstart.heads.random_features import RandomFeaturesHead
from headstart.heads.ridge import RidgeHead
from headstart.heads.scikit import LinearSVCHead, LogisticHead
from headstart.heads.softmax import SoftmaxHead
from headstart.heads.svm import LinearSVMHead


@dataclass(frozen=True)
class Entry:
    """A head in the catalog.

    Args:
        kind: Its class; without arguments it has the defaults.
        description: What it does, in one line.
    """

    kind: type[Head]
    description: str


HEADS = {
    "ridge": Entry(RidgeHead, "ridge regression, its penalty chosen by exact leave-one-out"),
    "softmax": Entry(SoftmaxHead, "multinomial logistic regression"),
    "linear-svm": Entry(LinearSVMHead, "linear support vector machine, one class against the rest"),
    "fully-connected": Entry(FullyConnectedHead, "neural network with one hidden layer"),
    "nearest-mean": Entry(NearestMeanHead, "the class whose mean feature has the nearest angle"),
    "neighbors": Entry(NeighborsHead, "vote of the 10 training pictures with the nearest angle"),
    "discriminant": Entry(DiscriminantHead, "linear discriminant analysis, shrunk covariance"),
    "random-features": Entry(RandomFeaturesHead, "ridge regression on random, rectified features"),
}


# Compared only when they are named. They see features as they are; the others see their root.
PUBLISHED = {
    "logistic": Entry(LogisticHead, "scikit-learn's LogisticRegression with its defaults"),
    "linear-svc": Entry(LinearSVCHead, "scikit-learn's LinearSVC, C by ten-fold cross-validation"),
    "dense-dropout": Entry(DenseHead, "256 rectified units, dropout 0.5, softmax, Adam"),
    "dense-softmax": Entry(SoftmaxLayerHead, "one softmax layer, Adam"),
}


def make_head(name: str, seed: int = 0) -> Head:
    """A new head with its default settings.

    Args:
        name: A key of ``HEADS`` or ``PUBLISHED``.
        seed: For heads that draw anything.

    Raises:
        SettingError: No head has that name.
    """
    entry = HEADS.get(name) or PUBLISHED.get(name)
    if entry is None:
        raise _unknown(name)
    head = entry.kind()
    return head.set_params(seed=seed) if "seed" in head.get_params() else head


def _unknown(name: str) -> SettingError:
    known = [*HEADS, ENSEMBLE, *PUBLISHED]
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.4)
    fix = f"did you mean {' or '.join(near)}?" if near else "choose one of them"
    return SettingError(f"unknown head {name!r}", f"one of {', '.join(known)}", fix)
