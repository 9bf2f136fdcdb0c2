"""How many folds there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

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
