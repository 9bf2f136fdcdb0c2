"""Which precision the network is run with; "auto" is decided on the user's own pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headstart.backbones.backbone import Backbone
from headstart.backbones.devices import device_of, has_bf16
from headstart.datasets.manifest import Manifest
from headstart.errors import SettingError
from headstart.features.extraction import extract
from headstart.features.store import FeatureStore
from headstart.progress import Progress, Silent
from headstart.workflows.recipe import Recipe

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

_MOST_PICTURES, _FEWEST_PICTURES = 256, 50
# Of the answers. That many the accuracy may change at most; changes for the better and for the
# worse mostly cancel.
_MOST_CHANGED = 0.02
_PENALTIES = np.logspace(-3, 1, 9)


def with_precision(
    backbone: Backbone, found: Manifest, recipe: Recipe, cache: Path, progress: Progress
) -> Backbone:
    """The backbone, run with the precision that the recipe asks for.

    Raises:
        SettingError: bf16 was asked for, and the device has none.
    """
    if recipe.precision == "f32":
        return backbone
    in_bf16 = dataclasses.replace(backbone, precision="bf16")
    if not has_bf16(device_of(recipe.device)):
        return _without(backbone, recipe, progress)
    if recipe.precision == "bf16":
        return in_bf16
    rows = np.unique(np.linspace(0, len(found) - 1, _MOST_PICTURES).astype(np.int64))
    some = found.select(rows)
    exact, y = _features(backbone, some, cache, recipe)
    if len(y) < _FEWEST_PICTURES:
        progress.say(f"precision f32: {len(y)} pictures are too few to tell what bf16 changes")
        return backbone
    changed = num_changed(exact, _features(in_bf16, some, cache, recipe)[0], y)
    agreed = changed <= _MOST_CHANGED * len(y)
    progress.say(
        f"precision {'bf16' if agreed else 'f32'}: of {len(y)} pictures, a head answers {changed} "
        "differently in bf16"
    )
    return in_bf16 if agreed else backbone


def _without(backbone: Backbone, recipe: Recipe, progress: Progress) -> Backbone:
    if recipe.precision == "bf16":
        raise SettingError(
            "precision bf16 was asked for, and this device does not have it",
            "a processor with AVX512_BF16 or AMX, or a card that has it",
            "leave it out (on the command line: --precision)",
        )
    progress.say("precision f32: this device has no bf16")
    return backbone


def _features(
    backbone: Backbone, found: Manifest, cache: Path, recipe: Recipe
) -> tuple[Floats, Classes]:
    """float64 [N, D] and int64 [N] of those pictures that can be used."""
    from headstart.heads.candidates import rooted  # brings scikit-learn, a second and 100 MB

    store = FeatureStore(cache, backbone)
    features = extract(
        found.paths,
        found.ids,
        backbone,
        store,
        threads=recipe.threads,
        device=recipe.device,
        progress=Silent(),
    )
    X = rooted(features.joined(["head"], np.arange(len(features))))
    return X.astype(np.float64), found.select(features.indices).class_indices


def num_changed(f32: Floats, bf16: Floats, y: Classes) -> int:
    """How many leave-one-out answers of ridge regression change with the features.

    Nothing is said of which are right: a test picture that is among them stays unseen.

    Args:
        f32: float64 [N, D], N small: a kernel [N, N] is inverted.
        bf16: The same rows, computed in bfloat16.
        y: int64 [N], classes from 0.
    """
    penalty = max(_PENALTIES, key=lambda one: int((left_out(f32, y, one) == y).sum()))
    return int((left_out(f32, y, penalty) != left_out(bf16, y, penalty)).sum())


def left_out(X: Floats, y: Classes, penalty: float) -> Classes:
    """What ridge regression on all other rows answers for each row, int64 [N].

    Source:
        Rifkin & Lippert 2007, "Notes on Regularized Least Squares" (MIT-CSAIL-TR-2007-025),
        section 4: the residual of a left-out row is ``(G y)_i / G_ii``, G the inverse of the
        kernel plus the penalty.
    """
    kernel = X @ X.T
    kernel /= max(np.trace(kernel) / len(kernel), 1e-12)
    kernel += 1  # a column of ones: the intercept
    targets = np.eye(int(y.max()) + 1)[y]
    inverse = np.linalg.inv(kernel + penalty * np.eye(len(kernel)))
    scores = targets - (inverse @ targets) / np.diag(inverse)[:, None]
    return np.asarray(scores.argmax(axis=1))
