"""Headstart: from a folder of labelled pictures to an image classifier that can be trusted.

Example:
    >>> import headstart as hs
    >>> print(*sorted(name for name in hs.__all__ if name[0].islower()))
    check evaluate export fit load matrix predict predict_bulk similar sort
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.bulk.job import predict_bulk as predict_bulk
    from headstart.errors import HeadstartError as HeadstartError
    from headstart.model.classifier import Classifier as Classifier
    from headstart.model.classifier import load as load
    from headstart.model.prediction import Prediction as Prediction
    from headstart.sorting.sort import sort as sort
    from headstart.workflows.check import check as check
    from headstart.workflows.estimator import ImageClassifier as ImageClassifier
    from headstart.workflows.evaluate import evaluate as evaluate
    from headstart.workflows.export import export as export
    from headstart.workflows.fit import fit as fit
    from headstart.workflows.matrix import matrix as matrix
    from headstart.workflows.predict import predict as predict
    from headstart.workflows.similar import similar as similar

__version__ = "0.1.0"

# Importing the package does no work: each public name is imported when it is first used, so that
# `headstart --help` and a saved model's prediction never pay for training code.
_HOMES = {
    "Classifier": "headstart.model.classifier",
    "HeadstartError": "headstart.errors",
    "ImageClassifier": "headstart.workflows.estimator",
    "Prediction": "headstart.model.prediction",
    "check": "headstart.workflows.check",
    "evaluate": "headstart.workflows.evaluate",
    "export": "headstart.workflows.export",
    "fit": "headstart.workflows.fit",
    "load": "headstart.model.classifier",
    "matrix": "headstart.workflows.matrix",
    "predict": "headstart.workflows.predict",
    "predict_bulk": "headstart.bulk.job",
    "similar": "headstart.workflows.similar",
    "sort": "headstart.sorting.sort",
}

__all__ = [
    "Classifier",
    "HeadstartError",
    "ImageClassifier",
    "Prediction",
    "__version__",
    "check",
    "evaluate",
    "export",
    "fit",
    "load",
    "matrix",
    "predict",
    "predict_bulk",
    "similar",
    "sort",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
