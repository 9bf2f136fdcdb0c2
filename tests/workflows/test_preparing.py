from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.backbone import Backbone
from headstart.errors import NotEnoughData
from headstart.progress import Silent
from headstart.workflows.check import findings_of, run_check
from headstart.workflows.matrix import run_matrix
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


class Telling(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


def test_a_class_without_a_usable_picture_is_named(
    tmp_path: Path, draw_folder: Callable[..., Path], backbone: Backbone
) -> None:
    folder = draw_folder(tmp_path / "three", blobs=3, stripes=3)
    (folder / "broken").mkdir()
    for number in range(6):
        (folder / "broken" / f"{number}.png").touch()
    progress = Telling()
    found = prepare(folder, Recipe(), progress)
    (line,) = found.lost
    words = "no picture of class 'broken' can be used (6 refused; first: broken/0.png: empty)"
    assert line == words
    assert f"  {line}: it cannot be learnt" in progress.said
    shutil.rmtree(folder / "stripes")
    with pytest.raises(NotEnoughData) as error:
        run_matrix(folder, Recipe())
    assert error.value.what == f"only pictures of class 'blobs' can be used: {line}"
    worst = run_check(folder, Recipe()).findings[0]
    assert worst.kind == "too_few"
    assert line in worst.message


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Image.Image]) -> Path:
    """Twelve sources of each class, three versions of each: cut a little otherwise every time."""
    folder = tmp_path_factory.mktemp("pictures") / "bursts"
    for kind in ("blobs", "stripes"):
        (folder / kind).mkdir(parents=True)
        for source in range(12):
            whole = draw(kind, source)
            for k, name in enumerate(("one", "two", "three")):
                side = whole.width - 6 * k
                cut = whole.crop((k, 3 * k, k + side, 3 * k + side))
                cut.save(folder / kind / f"visit-{'abcdefghijkl'[source]}_{name}.png")
    return folder


def test_pictures_of_a_group_by_their_names_stay_together(bursts: Path, backbone: Backbone) -> None:
    found = prepare(bursts, Recipe(), Silent())
    assert found.names is not None
    assert found.names.is_certain
    assert len(set(found.manifest.groups)) == 24
    assert len(np.unique(found.groups)) == 24
    (finding,) = [one for one in findings_of(found) if one.kind == "name_groups"]
    assert "They are kept together, within a class as with --group-pattern" in finding.message


def test_unless_a_person_says_that_there_are_none(bursts: Path, backbone: Backbone) -> None:
    found = prepare(bursts, Recipe(group_pattern="none"), Silent())
    assert set(found.manifest.groups) == {""}
    (finding,) = [one for one in findings_of(found) if one.kind == "name_groups"]
    assert "keep them together: --group-pattern" in finding.message
    by_hand = prepare(bursts, Recipe(group_pattern=r"/(visit-\w)_"), Silent())
    assert by_hand.names is None
    assert len(set(by_hand.manifest.groups)) == 12
