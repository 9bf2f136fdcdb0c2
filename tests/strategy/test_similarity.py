"""Measured on real files, kept, and found again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.backbone import Backbone
from headstart.backbones.statistics import PictureStatistics, picture_statistics
from headstart.files import content_digest
from headstart.strategy import similarity
from headstart.strategy.distance import BATCH_NORM, LINE, MEASURE, PROTOTYPES
from headstart.strategy.similarity import Similarity, looks_like

NUM = 12


def measure(backbone: Backbone, paths: list[Path], cache: Path) -> Similarity | None:
    digests = [content_digest(path.read_bytes()) for path in paths]
    return similarity.measure(backbone, paths, digests, cache=cache)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    for number in range(NUM):
        pixels = random.integers(0, 256, (96, 96), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def blobs(shapes: Path) -> list[Path]:
    return sorted((shapes / "blobs").iterdir())[:NUM]


@pytest.fixture(scope="module")
def by_path(
    backbone: Backbone, noise: list[Path], blobs: list[Path]
) -> dict[Path, dict[str, np.ndarray]]:
    """What every picture gives, read in one pass: compiling the graph takes longer than that."""
    found = vars(picture_statistics(backbone, [*noise, *blobs]))
    return {
        path: {name: values[row] for name, values in found.items()}
        for row, path in enumerate([*noise, *blobs])
    }


@pytest.fixture
def passes(
    by_path: dict[Path, dict[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """How many pictures went through the graph, pass by pass."""
    seen: list[int] = []

    def read(_: Backbone, paths: list[Path], *_settings: object) -> PictureStatistics:
        seen.append(len(paths))
        rows = [by_path[path] for path in paths]
        return PictureStatistics(
            **{name: np.stack([row[name] for row in rows]) for name in rows[0]}
        )

    monkeypatch.setattr(similarity, "picture_statistics", read)
    return seen


def test_noise_is_further_than_blobs_and_both_are_placed(
    backbone: Backbone, blobs: list[Path], noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    drawn, random = (measure(backbone, paths, tmp_path) for paths in (blobs, noise))
    assert drawn.score < random.score
    assert drawn.percentile > random.percentile
    for found in (drawn, random):
        assert found.interval[0] < found.score < found.interval[1]
        low, high = found.percentile_interval
        assert 0 <= low <= found.percentile <= high <= 100
        assert set(found.thirds) == {"early", "middle", "late"}
        assert found.num_images == NUM
        assert "reference sets" in found.words
        assert 0 < sum(share for _, share in found.looks_like) <= 1
    assert "gray" in random.words
    assert "gray" not in drawn.words


def test_what_was_measured_is_kept(
    backbone: Backbone, noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    first = measure(backbone, noise[:8], tmp_path)
    assert measure(backbone, noise[:8], tmp_path) == first
    assert passes == [8]
    assert measure(backbone, noise[:9], tmp_path) != first
    assert passes == [8, 9]
    for file in (tmp_path / "similarity").iterdir():
        file.write_text("{}")
    assert measure(backbone, noise[:8], tmp_path) == first
    assert passes == [8, 9, 8]


def test_of_many_pictures_some_are_drawn(
    backbone: Backbone,
    noise: list[Path],
    passes: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similarity, "_MOST_PICTURES", 10)
    first = measure(backbone, noise, tmp_path / "a")
    again = measure(backbone, noise[::-1], tmp_path / "b")
    fewer = measure(backbone, noise[:-1], tmp_path / "c")
    assert passes == [10, 10, 10]
    assert first.num_images == again.num_images == fewer.num_images == 10
    assert first == again
    # Of nearly the same pictures nearly the same are drawn.
    digests = [content_digest(path.read_bytes()) for path in noise]
    all_drawn, some_drawn = (similarity._drawn(noise[:n], digests[:n]) for n in (NUM, NUM - 1))
    assert len(all_drawn.keys() & some_drawn.keys()) >= 9


def test_copies_are_drawn_once(
    backbone: Backbone, noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    assert measure(backbone, [*noise, *noise], tmp_path).num_images == NUM


def test_json_and_back(
    backbone: Backbone, noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    found = measure(backbone, noise, tmp_path)
    assert Similarity.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_table_of_ones_own(
    backbone: Backbone, noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    foreign = replace(backbone, fingerprint="1" * 64)
    without = measure(foreign, noise, tmp_path)
    assert without.percentile is None
    assert without.percentile_interval is None
    assert "no reference table" in without.words
    score = without.score
    sets = [
        {"name": name, "score": score + off, "thirds": without.thirds}
        for name, off in {"near": -2.0, "far": 1.0, "further": 2.0}.items()
    ]
    table = {foreign.fingerprint: {"measure": MEASURE, "sets": sets}}
    (tmp_path / "references.json").write_text(json.dumps(table))
    found = measure(foreign, noise, tmp_path)
    assert found.percentile == pytest.approx(200 / 3, abs=3)
    assert found.score == score
    assert [name for name, _, _ in found.references] == ["near", "far", "further"]
    assert "more photo-like than 2 of 3 reference sets, between 'near' and 'far'" in found.words


def test_the_line_between_similar_and_different(
    backbone: Backbone, noise: list[Path], passes: list[int], tmp_path: Path
) -> None:
    found = measure(backbone, noise, tmp_path)
    assert (found.measured_by, found.is_similar) == (BATCH_NORM, False)
    assert "different: " in found.words
    assert found.nearness(LINE) == 0.5
    assert found.nearness(-1.0) > 0.5 > found.nearness(0.0)
    assert found.nearness(-99.0) == pytest.approx(1) and found.nearness(99.0) == pytest.approx(0)
    # Prototypes have the middle one of the references.
    by_prototypes = replace(found, measured_by=PROTOTYPES, score=-0.3)
    middle = sorted(score for _, score, _ in found.references)[len(found.references) // 2]
    assert replace(by_prototypes, score=middle - 1.5).is_similar
    assert not replace(by_prototypes, score=middle + 1.5).is_similar
    assert replace(by_prototypes, references=()).is_similar is None


def test_where_there_is_nothing_to_measure(
    backbone: Backbone, noise: list[Path], tmp_path: Path
) -> None:
    assert measure(replace(backbone, pretrained=False), noise, tmp_path) is None
    assert measure(backbone, noise[:7], tmp_path) is None
    gone = [tmp_path / f"{number}.png" for number in range(9)]
    digests = [bytes([number]) * 32 for number in range(9)]
    assert similarity.measure(backbone, gone, digests, cache=tmp_path) is None


def test_looks_like_counts_the_largest() -> None:
    logits = np.eye(8, dtype=np.float32)[[0, 0, 0, 1, 1, 2, 3, 4, 5, 6]]
    found = looks_like(logits, list("abcdefgh"))
    assert found == (("a", 0.3), ("b", 0.2), ("c", 0.1), ("d", 0.1), ("e", 0.1))
    assert looks_like(logits[:3], list("abcdefgh")) == (("a", 1.0),)
    assert looks_like(logits, None) == looks_like(None, list("ab")) == ()


@pytest.mark.long
def test_photographs_are_nearer_than_mri_and_mri_than_drawings(
    backbone: Backbone, data: Path, tmp_path: Path
) -> None:
    photographs, mri = (
        measure(backbone, sorted(folder.rglob("*.jpg"))[::80], tmp_path)
        for folder in (data / "cats-dogs" / "train", data / "brain-tumor" / "Training")
    )
    drawings = {name: score for name, score, _ in mri.references}
    assert photographs.interval[1] < mri.interval[0]
    assert mri.interval[1] < min(drawings["line drawings"], drawings["handwritten digits"])
    assert photographs.percentile > mri.percentile
    assert photographs.is_similar
    assert not mri.is_similar
