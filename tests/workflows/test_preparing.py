from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headstart.backbones.backbone import Backbone
from headstart.progress import Silent
from headstart.workflows.preparing import prepare, select
from headstart.workflows.recipe import Recipe


@pytest.fixture(scope="module")
def pictures(
    tmp_path_factory: pytest.TempPathFactory, draw_folder: Callable[..., Path], backbone: Backbone
) -> Path:
    """Eight pictures, 0 and 3 the same file, 4 and 5 as well."""
    folder = draw_folder(tmp_path_factory.mktemp("pictures") / "set", blobs=4, stripes=4)
    shutil.copy(folder / "blobs/blobs_00.png", folder / "blobs/blobs_03.png")
    shutil.copy(folder / "stripes/stripes_00.png", folder / "stripes/stripes_01.png")
    return folder


def test_a_part_is_as_if_it_were_the_whole(pictures: Path, tmp_path: Path) -> None:
    whole = prepare(pictures, Recipe(), Silent())
    rows = np.array([0, 1, 4, 5])  # the copy of 0 is left out, that of 4 is not
    for row in rows:
        place = tmp_path / "part" / whole.manifest.ids[row]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(whole.manifest.path(row), place)
    part = prepare(tmp_path / "part", Recipe(), Silent())
    found = select(whole, rows, [""] * 4)
    assert found.manifest.ids == part.manifest.ids
    assert found.manifest.class_indices.tolist() == part.manifest.class_indices.tolist()
    assert found.groups.tolist() == part.groups.tolist() == [0, 1, 2, 2]
    assert found.duplicates.pairs.tolist() == part.duplicates.pairs.tolist() == [[2, 3]]
    assert found.features.facts.digests == part.features.facts.digests
    for tap, values in part.features.taps.items():
        assert np.array_equal(found.features.taps[tap], values)


def test_in_the_order_and_with_the_splits_that_are_given(pictures: Path) -> None:
    whole = prepare(pictures, Recipe(), Silent())
    found = select(whole, np.array([6, 2, 0]), ["train", "train", "test"])
    assert found.manifest.splits == ("train", "train", "test")
    assert found.manifest.labels == ("stripes", "blobs", "blobs")
    expected = whole.features.taps["head"][[6, 2, 0]]
    assert np.array_equal(found.features.taps["head"], expected)
    assert np.array_equal(found.features.joined(["head"], np.array([1])), expected[1:2])
