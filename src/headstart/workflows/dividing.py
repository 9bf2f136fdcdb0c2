"""Which rows learn, which judge, and in which fold each learning row is judged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headstart.datasets.manifest import counted, first_of
from headstart.datasets.options import NO_GROUPS
from headstart.datasets.splitting import Split, assign_splits, folds, random_split
from headstart.errors import NotEnoughData
from headstart.progress import Progress
from headstart.workflows.preparing import Prepared, Rows
from headstart.workflows.recipe import Recipe

_FOLDS = 5
# Measured with 800 rows: the choice is as good, and the estimate 0.2 to 0.4 points lower; with many
# rows it is less, for little more than half the time.
_FEW_FOLDS = 3
_MANY_ROWS = 4000


@dataclass(frozen=True, eq=False)
class Division:
    """A dataset divided.

    Args:
        split: Which rows train and which judge, and by which rule.
        train, test: int64 rows.
        leaked: bool [len(test)]: test pictures with a copy, or a group mate, in training.
        folds: int64 [len(train)], the fold in which each training row is held out.
    """

    split: Split
    train: Rows
    test: Rows
    leaked: npt.NDArray[np.bool_]
    folds: Rows


def divide(prepared: Prepared, recipe: Recipe, progress: Progress) -> Division:
    """Split, and draw the folds.

    Raises:
        NotEnoughData: Too few classes or pictures.
    """
    split = split_of(prepared, recipe)
    progress.say(split.rule)
    train, test = rows_of(split, "train"), rows_of(split, "test")
    _must_suffice(prepared, train, test)
    y, groups = prepared.manifest.class_indices, prepared.groups
    wanted = folds_wanted(recipe, len(train))
    with _groups_named(prepared, recipe):
        fold_of = folds(y[train], groups[train], num_folds=wanted, seed=recipe.seed)
    if (number := len(np.unique(fold_of))) < wanted:
        progress.say(f"{number} folds instead of {wanted}: only {_whole(groups[train])}")
    return Division(split, train, test, np.isin(groups[test], groups[train]), fold_of)


def _whole(groups: Rows) -> str:
    """How many things there are that stay whole."""
    number = len(np.unique(groups))
    if number < len(groups):
        return counted(number, "group", "groups")
    return counted(number, "training picture", "training pictures")


def folds_wanted(recipe: Recipe, num_rows: int) -> int:
    """Of the cross-validation, as asked for or by the number of training pictures."""
    return recipe.num_folds or (_FEW_FOLDS if num_rows > _MANY_ROWS else _FOLDS)


def split_of(prepared: Prepared, recipe: Recipe) -> Split:
    """The given split, or the one that the seed draws.

    Raises:
        NotEnoughData: Nothing is left to learn from, or nothing to judge by.
    """
    manifest = prepared.manifest
    if prepared.lost and len(manifest.class_names) < 2:
        raise NotEnoughData(
            f"only pictures of class {manifest.class_names[0]!r} can be used: "
            f"{first_of(prepared.lost, 1)}",
            "usable pictures of two classes or more",
            "replace the files that are broken, or add pictures of that class",
        )
    if recipe.split == "random" and not {"test", "validation"} & set(manifest.splits):
        seed = recipe.seed if recipe.split_seed is None else recipe.split_seed
        share = recipe.test_share or 0.2
        return random_split(manifest.class_indices, seed=seed, test_share=share)
    with _groups_named(prepared, recipe):
        return assign_splits(
            manifest.class_indices,
            prepared.groups,
            manifest.splits,
            seed=recipe.seed if recipe.split_seed is None else recipe.split_seed,
            test_share=recipe.test_share or 0.2,
        )


@contextlib.contextmanager
def _groups_named(prepared: Prepared, recipe: Recipe) -> Iterator[None]:
    """Errors of too few groups say where these were found, if nobody asked for them.

    Raises:
        NotEnoughData: As it came, with a fix more.
    """
    try:
        yield
    except NotEnoughData as error:
        is_asked = recipe.group_column is not None or recipe.group_pattern is not None
        if is_asked or "groups" not in error.fix or not any(prepared.manifest.groups):
            raise
        columns = (note for note in prepared.manifest.notes if "groups in " in note)
        found = next(columns, "in the names of the files")
        raise NotEnoughData(
            error.what,
            error.expected,
            f"{error.fix}; these were found without being asked for ({found}): "
            f"--group-pattern {NO_GROUPS} switches them off",
        ) from error


def rows_of(split: Split, name: str) -> Rows:
    """int64, the rows of one part."""
    return np.flatnonzero(np.array(split.splits) == name)


def _must_suffice(prepared: Prepared, train_rows: Rows, test_rows: Rows) -> None:
    names = prepared.manifest.class_names
    present = np.unique(prepared.manifest.class_indices[train_rows])
    if len(present) < len(names):
        missing = [name for index, name in enumerate(names) if index not in present]
        raise NotEnoughData(
            f"no training picture is left for {len(missing)} of {len(names)} classes; "
            f"first: {missing[0]}",
            "at least one usable training picture in every class",
            "add pictures of it, or leave the class out",
        )
    if not len(test_rows):
        raise NotEnoughData(
            f"{len(train_rows)} pictures leave none to judge by",
            "at least two pictures (that are no copies of each other) in some class",
            "add pictures, or give a test set with --test",
        )
