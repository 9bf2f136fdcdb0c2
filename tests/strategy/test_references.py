import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from headstart.backbones.backbone import Backbone
from headstart.strategy.distance import LINE, MEASURE, Distance
from headstart.strategy.references import SHIPPED, Reference, percentile, references_of
from headstart.strategy.words import in_words

PHOTO = (0.13, 0.21, 0.20)


def reference(name: str, score: float, *thirds: float) -> Reference:
    return Reference(name, score, dict(zip(("early", "middle", "late"), thirds, strict=False)))


def found(score: float, *thirds: float) -> Distance:
    names = ("early", "middle", "late")
    by_name = dict(zip(names, thirds, strict=False))
    return Distance(score, (score, score), by_name, 0.01, "batch norm")


def test_percentile_counts_the_less_similar_and_moves_smoothly() -> None:
    references = (-5.0, -4.0, -3.0, -2.0)
    assert percentile(-12, references) == pytest.approx(100)
    assert percentile(-4.5, references) == pytest.approx(75, abs=1)
    assert percentile(-3.0, references) == pytest.approx(37.5, abs=1)
    assert percentile(0, references) == pytest.approx(0, abs=0.3)
    steps = [percentile(score, references) for score in np.arange(-6, 0, 0.01)]
    assert all(0 <= a - b < 1 for a, b in pairwise(steps))


def test_the_default_backbone_has_a_table(backbone: Backbone, tmp_path: Path) -> None:
    assert len(references_of(backbone.fingerprint, tmp_path)) >= 14
    assert references_of("0" * 64, tmp_path) == ()


@pytest.mark.parametrize("fingerprint", json.loads(SHIPPED.read_bytes()))
def test_shipped_tables_order_photographs_mri_drawings(fingerprint: str, tmp_path: Path) -> None:
    names = [reference.name for reference in references_of(fingerprint, tmp_path)]
    assert names[0] == "ImageNet's own pictures"
    for drawing in ("handwritten digits", "line drawings", "single letters", "flat shapes"):
        assert names.index("cats and dogs") < names.index("brain MRI") < names.index(drawing)
    assert names.index("brain MRI") < names.index("solar cells")
    scores = {each.name: each.score for each in references_of(fingerprint, tmp_path)}
    assert scores["skies and weather"] < LINE < scores["brain MRI"]
    for photographs in ("ants and bees", "flowers", "skies and weather", "close-ups"):
        assert names.index(photographs) < names.index("brain MRI")


def test_a_table_that_was_measured_in_another_way_is_left_out(tmp_path: Path) -> None:
    rows = [{"name": "a", "score": -1.0, "thirds": {}}]
    table = {"now": {"measure": MEASURE, "sets": rows}, "before": {"sets": rows}}
    (tmp_path / "references.json").write_text(json.dumps(table))
    assert references_of("before", tmp_path) == ()
    assert references_of("now", tmp_path) == (reference("a", -1.0),)


def test_words_name_the_neighbours_the_depth_and_the_look() -> None:
    references = [reference("photos", -5, -5, -5, -5), reference("drawings", -1, -1, -1, -1)]
    assert in_words(found(-3, -2, -3.5, -3.5), references, (0.0, 0.05, 0.2)) == (
        "similar: 0.22 (0.22 – 0.22) of their own spread from the pretraining's pictures, "
        "at most 0.67; "
        "more photo-like than 1 of 2 reference sets, between 'photos' and 'drawings'; "
        "the shift is mostly in the early layers (how the pictures look); "
        "the pictures are gray, low in contrast"
    )
    assert in_words(found(-6, -6, -6, -6), references, PHOTO) == (
        "similar: 0.05 (0.05 – 0.05) of their own spread from the pretraining's pictures, "
        "at most 0.67; "
        "more photo-like than 2 of 2 reference sets, 'photos' the nearest"
    )
    assert in_words(found(1, 1, 1, 1), references, (0.3, 0.3, 0.0)) == (
        "different: 1.65 (1.65 – 1.65) of their own spread from the pretraining's pictures, "
        "more than 0.67; "
        "more photo-like than 0 of 2 reference sets, 'drawings' the nearest; "
        "the pictures are on one background"
    )


def test_without_thirds_nothing_is_said_of_depth() -> None:
    references = [reference("photos", -0.5), reference("drawings", -0.1)]
    assert "layers" not in in_words(found(-0.3), references, PHOTO)
