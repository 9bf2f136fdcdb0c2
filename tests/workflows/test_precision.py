import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import headstart as hs
from headstart.backbones import engine
from headstart.errors import SettingError
from headstart.features.store import key_of
from headstart.workflows import precision
from headstart.workflows.precision import left_out, num_changed

needs_bf16 = pytest.mark.skipif(not engine.has_bf16(), reason="this processor has no bf16")


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def start(self, what: str, total: int) -> None: ...
    def advance(self, count: int = 1) -> None: ...
    def stop(self) -> None: ...


def test_left_out_answers_are_those_of_fitting_without_each_row() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(40, 6)), random.integers(0, 3, 40)
    X /= np.sqrt((X**2).sum() / len(X))  # then the kernel needs no scaling
    with_ones = np.column_stack([X, np.ones(len(X))])
    for penalty in (0.01, 1.0):
        answers = []
        for row in range(len(X)):
            others = np.arange(len(X)) != row
            model = Ridge(alpha=penalty, fit_intercept=False)
            model.fit(with_ones[others], np.eye(3)[y[others]])
            answers.append(model.predict(with_ones[[row]]).argmax())
        assert left_out(X, y, penalty).tolist() == answers


def test_changed_answers_are_counted() -> None:
    random = np.random.default_rng(1)
    y = np.arange(60) % 2
    X = random.normal(size=(60, 5)) + 4 * y[:, None]
    assert num_changed(X, X, y) == 0
    moved = X.copy()
    moved[:3] = X[[1, 0, 1]] + 0.01  # two of them cross over with their label left behind
    assert num_changed(X, moved, y) >= 2


def test_a_store_of_f32_keeps_its_name(backbone) -> None:
    """Features of earlier versions are found again; those of bf16 lie apart."""
    assert backbone.precision == "f32"
    in_bf16 = dataclasses.replace(backbone, precision="bf16")
    assert key_of(in_bf16) != key_of(backbone)
    older = dict(backbone.to_json())
    del older["precision"]
    assert key_of(type(backbone).from_json(older, backbone.graph)) == key_of(backbone)


def test_bf16_is_refused_where_the_processor_has_none(shapes, own_cache, monkeypatch) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    with pytest.raises(SettingError, match="--precision"):
        hs.check(shapes, cache=own_cache, precision="bf16")
    said = Said()
    hs.check(shapes, cache=own_cache, precision="auto", progress=said)
    assert "precision f32: this device has no bf16" in said.lines


@needs_bf16
def test_auto_says_what_it_decided(shapes, own_cache, monkeypatch) -> None:
    said = Said()
    hs.check(shapes, cache=own_cache, precision="auto", progress=said)
    assert "precision f32: 44 pictures are too few to tell what bf16 changes" in said.lines
    monkeypatch.setattr(precision, "_FEWEST_PICTURES", 10)
    said = Said()
    hs.check(shapes, cache=own_cache, precision="auto", progress=said)
    assert "precision bf16: of 44 pictures, a head answers 0 differently in bf16" in said.lines


@pytest.mark.long
@needs_bf16
def test_a_bundle_of_bf16_predicts_what_was_judged(
    shapes: Path, own_cache: Path, bundle: Path, tmp_path: Path
) -> None:
    classifier = hs.fit(
        shapes, tmp_path / "bf16", precision="bf16", cache=own_cache, heads=("ridge", "neighbors")
    )
    exact = hs.load(bundle)
    assert classifier.record.backbone["precision"] == "bf16"
    assert exact.record.backbone["precision"] == "f32"
    picture = shapes / "blobs" / "blobs_03.png"
    # Other features, so other numbers; that they are the head's own, writing the bundle checked.
    one, other = (dict(each.predict(picture).ranking) for each in (classifier, exact))
    assert one != other
    assert one["blobs"] == pytest.approx(other["blobs"], abs=0.1)
