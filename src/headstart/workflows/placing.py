"""Where the training pictures lie on the size-similarity matrix. Test pictures take no part."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from headstart.backbones.engine import num_cores
from headstart.feature_rows import Selected
from headstart.files import cache_folder
from headstart.progress import Progress
from headstart.reports.matrix_figure import MatrixFigure
from headstart.strategy.expectation import expect
from headstart.strategy.fitness import fitness
from headstart.strategy.ladder import folds_to_judge
from headstart.strategy.matrix import Matrix, Size
from headstart.strategy.rules import QUADRANTS
from headstart.strategy.similarity import Similarity, measure
from headstart.workflows.adapting import rungs_for
from headstart.workflows.dividing import folds_wanted
from headstart.workflows.preparing import Prepared, Rows, depths
from headstart.workflows.recipe import Recipe
from headstart.workflows.trial_time import fold_seconds


def place(
    prepared: Prepared,
    rows: Rows,
    recipe: Recipe,
    progress: Progress,
    accuracy: float | None = None,
    left_out: Mapping[tuple[str, ...], npt.NDArray[np.bool_]] | None = None,
) -> Matrix:
    """Measure size, similarity and fitness of some pictures.

    Args:
        prepared: The dataset.
        rows: int64, the training rows.
        recipe: Its seed, threads and cache.
        progress: Told that it takes a moment.
        accuracy: To expect of the best frozen candidate on new pictures; None: the best
            leave-one-out accuracy of a tap.
        left_out: As `fitness` takes it.

    Raises:
        StoreError: The cache cannot be written.
    """
    y, groups = prepared.manifest.class_indices[rows], prepared.groups[rows]
    paths, digests = prepared.manifest.paths, prepared.features.facts.digests
    progress.say("measuring similarity and fitness")
    similarity = measure(
        prepared.network,
        [paths[row] for row in rows],
        [digests[row] for row in rows],
        cache=recipe.cache or cache_folder(),
        threads=recipe.threads,
    )
    read = prepared.features.taps
    taps = {name: Selected(read[name], rows) for name in depths(prepared.backbone)}
    fit = fitness(taps, y, groups, recipe.seed, recipe.threads or num_cores(), left_out)
    size = size_of(y, groups)
    expectation = expect(
        accuracy=max(d.accuracy for d in fit.depths) if accuracy is None else accuracy,
        chance=float(np.bincount(y).max() / len(y)),
        pictures_per_class=size.per_class,
        is_similar=None if similarity is None else similarity.is_similar,
        num_images=size.num_independent,
    )
    found = Matrix(size, similarity, fit, expectation, accuracy)
    names = rungs_for(recipe, found)
    if not names:
        return found
    seconds = _trial_seconds(names[0], len(rows), recipe)
    return dataclasses.replace(found, first_rung=names[0], trial_seconds=seconds)


def size_of(y: Rows, groups: Rows) -> Size:
    """How many pictures of which class; sets of copies and group mates count once.

    Args:
        y: int64 [N], class indices.
        groups: int64 [N].
    """
    counts = np.bincount(y)
    counts = counts[counts > 0]
    return Size(
        num_images=len(y),
        num_independent=len(np.unique(groups)),
        num_classes=len(counts),
        smallest=int(counts.min()),
        largest=int(counts.max()),
    )


def figure_of(name: str, matrix: Matrix, evidence: str) -> MatrixFigure:
    """What the picture of the matrix shows.

    Args:
        name: The dataset's.
        matrix: As measured.
        evidence: What the evidence says, in a few words.
    """
    similarity = matrix.similarity
    return MatrixFigure(
        name=name,
        nearness=similarity.nearness(similarity.score) if similarity else None,
        between=_between(similarity),
        per_class=matrix.size.per_class,
        smallest=matrix.size.smallest,
        largest=matrix.size.largest,
        quadrant=matrix.quadrant,
        references=_places(similarity),
        advice=(
            QUADRANTS[1].words,
            QUADRANTS[2].words,
            QUADRANTS[3].words,
            QUADRANTS[4].words,
        ),
        evidence=evidence,
    )


def _trial_seconds(rung: str, num_rows: int, recipe: Recipe) -> float:
    num_folds = folds_wanted(recipe, num_rows)
    tuning = recipe.tuning_for(rung, num_rows)
    of_fold = fold_seconds(tuning, round(num_rows * (1 - 1 / num_folds)), recipe)
    return of_fold * folds_to_judge(num_rows, num_folds)


def _between(similarity: Similarity | None) -> tuple[float, float] | None:
    if similarity is None:
        return None
    low, high = (similarity.nearness(score) for score in similarity.interval)
    return None if low is None or high is None else (high, low)


def _places(similarity: Similarity | None) -> tuple[tuple[str, float], ...]:
    if similarity is None:
        return ()
    found = ((name, similarity.nearness(score)) for name, score, _ in similarity.references)
    return tuple((name, place) for name, place in found if place is not None)
