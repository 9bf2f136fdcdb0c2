"""Measured on real files, kept, and found again."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.backbone import Backbone
from headstart.strategy import similarity
from headstart.strategy.similarity import Similarity, looks_like, measure


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    for number in range(12):
        pixels = random.integers(0, 256, (96, 96), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return sorted(folder.iterdir())


def pictures_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))[:12]


def test_noise_is_further_than_blobs_and_both_are_placed(
    backbone: Backbone, shapes: Path, noise: list[Path], tmp_path: Path
) -> None:
    drawn, random = (
        measure(backbone, paths, cache=tmp_path, seed=0)
        for paths in (pictures_of(shapes / "blobs"), noise)
    )
    assert drawn.score < random.score
    assert drawn.percentile > random.percentile
    for found in (drawn, random):
        assert found.interval[0] < found.score < found.interval[1]
        low, high = found.percentile_interval
        assert 0 <= low <= found.percentile <= high <= 100
        assert set(found.thirds) == {"early", "middle", "late"}
        assert found.num_images == 12
        assert "reference sets" in found.words
        assert 0 < sum(share for _, share in found.looks_like) <= 1
    assert "gray" in random.words
    assert "gray" not in drawn.words


def test_what_was_measured_is_kept(
    backbone: Backbone, noise: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measure(backbone, noise[:8], cache=tmp_path, seed=0)
    passes = []
    real = similarity.picture_statistics
    monkeypatch.setattr(
        similarity,
        "picture_statistics",
        lambda *given: passes.append(1) or real(*given),
    )
    assert measure(backbone, noise[:8], cache=tmp_path, seed=0) == first
    assert not passes
    assert measure(backbone, noise[:9], cache=tmp_path, seed=0) != first
    assert len(passes) == 1
    for file in (tmp_path / "similarity").iterdir():
        file.write_text("{}")
    assert measure(backbone, noise[:8], cache=tmp_path, seed=0) == first
    assert len(passes) == 2


def test_json_and_back(backbone: Backbone, noise: list[Path], tmp_path: Path) -> None:
    found = measure(backbone, noise, cache=tmp_path, seed=0)
    assert Similarity.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_table_of_ones_own(backbone: Backbone, noise: list[Path], tmp_path: Path) -> None:
    foreign = replace(backbone, fingerprint="1" * 64)
    without = measure(foreign, noise, cache=tmp_path, seed=0)
    assert without.percentile is None
    assert without.percentile_interval is None
    assert "no reference table" in without.words
    score = without.score
    sets = [
        {"name": name, "score": score + off, "thirds": without.thirds}
        for name, off in {"near": -2.0, "far": 1.0, "further": 2.0}.items()
    ]
    (tmp_path / "references.json").write_text(json.dumps({foreign.fingerprint: {"sets": sets}}))
    found = measure(foreign, noise, cache=tmp_path, seed=0)
    assert found.percentile == pytest.approx(200 / 3, abs=0.1)
    assert found.score == score
    assert [name for name, _, _ in found.references] == ["near", "far", "further"]
    assert "more photo-like than 2 of 3 reference sets, between near and far" in found.words


def test_where_there_is_nothing_to_measure(
    backbone: Backbone, noise: list[Path], tmp_path: Path
) -> None:
    assert measure(replace(backbone, pretrained=False), noise, cache=tmp_path, seed=0) is None
    assert measure(backbone, noise[:7], cache=tmp_path, seed=0) is None
    assert measure(backbone, [tmp_path / "missing.png"] * 9, cache=tmp_path, seed=0) is None


def test_looks_like_counts_the_largest() -> None:
    logits = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 1, 2, 3, 4, 5, 6]]
    found = looks_like(logits, list("abcdefgh"))
    assert found == (("a", 0.3), ("b", 0.2), ("c", 0.1), ("d", 0.1), ("e", 0.1))
    assert looks_like(logits[:3], list("abcdefgh")) == (("a", 1.0),)
    assert looks_like(logits, None) == looks_like(None, list("ab")) == ()


def test_the_order_of_real_pictures(
    backbone: Backbone, data: Path, tmp_path: Path, draw: Callable[..., Image.Image]
) -> None:
    """Photographs, then MRI, then drawings: what the shipped table was measured with differs."""
    sets = {
        "photographs": sorted((data / "cats-dogs" / "train").rglob("*.jpg"))[::40],
        "MRI": sorted((data / "brain-tumor" / "Training").rglob("*.jpg"))[::40],
    }
    (tmp_path / "drawings").mkdir()
    for number in range(24):
        draw("stripes", number).save(tmp_path / "drawings" / f"{number}.png")
    sets["drawings"] = sorted((tmp_path / "drawings").iterdir())
    found = [measure(backbone, paths, cache=tmp_path, seed=0) for paths in sets.values()]
    scores = [each.score for each in found]
    percentiles = [each.percentile for each in found]
    assert scores == sorted(scores)
    assert percentiles == sorted(percentiles, reverse=True)
