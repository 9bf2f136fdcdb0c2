"""How many folds there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from headstart.errors import NotEnoughData
from headstart.progress import Silent
from headstart.workflows.dividing import divide
from headstart.workflows.recipe import Recipe


def prepared(num_train: int) -> Any:
    total = num_train + 2
    manifest = SimpleNamespace(
        class_indices=np.arange(total) % 2,
        class_names=("a", "b"),
        splits=("test", "test") + ("train",) * num_train,
    )
    return cast(Any, SimpleNamespace(manifest=manifest, groups=np.arange(total), lost=()))


@pytest.mark.parametrize(
    ("num_train", "asked", "expected"),
    [(4000, None, 5), (4001, None, 3), (4001, 5, 5), (60, 3, 3)],
)
def test_of_many_pictures_there_are_three(num_train: int, asked: int | None, expected: int) -> None:
    division = divide(prepared(num_train), Recipe(num_folds=asked), Silent())
    assert len(division.train) == num_train
    assert np.unique(division.folds).tolist() == list(range(expected))


@pytest.mark.parametrize("num_groups", [1, 2])
@pytest.mark.parametrize("notes", [(), ("labels.csv: files in 'file', groups in 'patient'",)])
def test_too_few_groups_that_nobody_asked_for_are_named_and_can_be_switched_off(
    notes: tuple[str, ...], num_groups: int
) -> None:
    """One group: nothing to judge by. Two: nothing to hold out."""
    found = prepared(20)
    found.groups = np.arange(22) % num_groups
    found.manifest.groups = tuple(map(str, found.groups))
    found.manifest.notes = ("another note", *notes)
    if num_groups == 1:
        found.manifest.splits = ("",) * 22
    with pytest.raises(NotEnoughData) as error:
        divide(found, Recipe(), Silent())
    where = notes[0] if notes else "in the names of the files"
    assert f"({where}): --group-pattern none switches them off" in error.value.fix
    for recipe in (Recipe(group_column="patient"), Recipe(group_pattern="(p)")):
        with pytest.raises(NotEnoughData) as error:
            divide(found, recipe, Silent())
        assert "--group-pattern" not in error.value.fix
