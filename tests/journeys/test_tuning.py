"""A classifier whose last block was tuned: asked for, judged, saved, and like any other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import headstart
from headstart.backbones.catalog import DEFAULT
from headstart.backbones.engine import Engine
from headstart.backbones.loading import load_backbone
from headstart.cli.main import main
from headstart.errors import SettingError
from headstart.images.decode import read
from headstart.strategy import ladder
from headstart.strategy.budget import Budget
from headstart.workflows import trial as trial_module
from headstart.workflows.trial import Trial


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of ten pictures, told apart by their tint."""
    folder = tmp_path_factory.mktemp("tuning") / "tints"
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 200, (48, 48, 3), dtype=np.uint8)
            pixels[..., channel] += 40
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def fit(pictures: Path, bundle: Path, cache: Path) -> Result:
    options = ["--train-from", "top1", "--epochs", "2", "--folds", "2", "--head", "nearest-mean"]
    place = ["--out", str(bundle), "--cache", str(cache), "--json"]
    return CliRunner().invoke(main, ["fit", str(pictures), *options, *place])


@pytest.mark.slow
@pytest.mark.parametrize("tta", ["none", "flips"])
def test_a_tuned_network_beside_the_frozen_one_is_saved_and_predicts(
    pictures: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tta: str
) -> None:
    monkeypatch.setattr(ladder, "_pools", lambda *_: True)
    options = ["--train-from", "top1", "--epochs", "2", "--folds", "2", "--strategy", "partial"]
    place = ["--out", str(tmp_path / "both"), "--cache", str(cache), "--json", "--tta", tta]
    done = CliRunner().invoke(main, ["fit", str(pictures), *options, *place])
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    chosen = receipt["chosen"]
    assert (chosen["strategy"], chosen["head"]) == ("partial", "ensemble")
    assert chosen["tap"].endswith("+tuned")
    assert [row["name"] for row in receipt["candidates"] if row["chosen"]] == [
        "last block, tuned · with frozen"
    ]
    assert receipt["ladder"][0]["pooled"] is True
    assert receipt["cross_validated"]["folds"] == 2
    # The layers before the last block stand in the graph once.
    graph = onnx.load(str(tmp_path / "both" / "classifier.onnx")).graph
    alone = onnx.load(str(load_backbone(DEFAULT, cache=cache, tta=tta).graph)).graph
    added = [node.op_type for node in graph.node].count("Conv") - [
        node.op_type for node in alone.node
    ].count("Conv")
    # None are added where the frozen candidate sees no tap behind the cut.
    assert 0 <= added < 8
    prediction = headstart.load(tmp_path / "both").predict(pictures / "red" / "0.png")
    assert prediction.label in ("red", "blue")
    refused = CliRunner().invoke(main, ["export", str(tmp_path / "both"), "--to", "torch"])
    assert isinstance(refused.exception, SettingError)


@pytest.mark.slow
def test_the_tuned_network_is_saved_and_predicts(
    pictures: Path, cache: Path, tmp_path: Path
) -> None:
    done = fit(pictures, tmp_path / "tuned", cache)
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    chosen = receipt["chosen"]
    assert (chosen["strategy"], chosen["head"], chosen["tap"]) == ("partial", "softmax", "head")
    assert chosen["train_from"] == chosen["tuning"]["train_from"] == "top1"
    (step,) = receipt["ladder"]
    assert step["name"] == "last block" and step["num_images"] > 0
    names = [row["name"] for row in receipt["candidates"] if row["chosen"]]
    assert names == ["last block, tuned"]
    lines = (tmp_path / "tuned" / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    assert [each["epoch"] for each in epochs if each["fold"] is None] == [1, 2]
    assert {each["rung"] for each in epochs} == {"top1"}
    page = (tmp_path / "tuned" / "report.html").read_text()
    assert "Training the last block, epoch by epoch" in page
    classifier = headstart.load(tmp_path / "tuned")
    prediction = classifier.predict(pictures / "red" / "0.png")
    assert prediction.label in ("red", "blue")
    # Everything is kept: the same command trains nothing again and gives the same classifier.
    again = fit(pictures, tmp_path / "again", cache)
    assert "epoch" not in again.stderr
    second = headstart.load(tmp_path / "again").predict(pictures / "red" / "0.png")
    assert second.ranking == prediction.ranking


@pytest.mark.long
def test_a_time_limit_that_is_too_short_for_what_was_asked_for_leaves_it_frozen(
    pictures: Path, cache: Path, tmp_path: Path
) -> None:
    asked = ["--train-from", "top1", "--head", "nearest-mean", "--time-limit", "1s"]
    place = ["--out", str(tmp_path / "late"), "--cache", str(cache), "--json"]
    done = CliRunner().invoke(main, ["fit", str(pictures), *asked, *place])
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["chosen"]["strategy"] == "freeze"
    (rung,) = receipt["ladder"]
    assert rung["outcome"] == "not tried"
    assert re.search(r"to train on all pictures; [01] s are left", rung["reason"])
    assert "asked for, but not tuned" in (tmp_path / "late" / "report.html").read_text()


@pytest.mark.slow
def test_a_last_training_without_time_saves_its_best_and_goes_on_with_more(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, cache = tmp_path / "cut", tmp_path / "cache"
    with monkeypatch.context() as short:
        whole = Trial.train

        def hurried(trial: Trial, *rows: Any, **how: Any) -> Any:
            if how.get("graph"):
                trial.budget = Budget(0.0)
            return whole(trial, *rows, **how)

        short.setattr(Trial, "train", hurried)
        short.setattr(trial_module, "_LEAST_SECONDS", 1e-6)
        done = fit(pictures, place, cache)
    assert done.exit_code == 0, done.stderr
    assert "ended early: no time is left (--time-limit)" in done.stderr
    report = (place / "report.html").read_text()
    assert "he last training was ended by --time-limit after 0 epochs" in report
    assert headstart.load(place).predict(pictures / "red" / "0.png").label in ("red", "blue")
    done = fit(pictures, place, cache)
    assert done.exit_code == 0, done.stderr
    assert "--time-limit after" not in (place / "report.html").read_text()


@pytest.mark.slow
def test_a_whole_network_tuned_alone_keeps_the_frozen_one_for_what_is_unfamiliar(
    pictures: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in ("_pools", "_seems_better"):
        monkeypatch.setattr(ladder, asked, lambda *_: False)
    options = ["--train-from", "all", "--epochs", "1", "--folds", "2"]
    place = ["--out", str(tmp_path / "alone"), "--cache", str(cache), "--json"]
    done = CliRunner().invoke(main, ["fit", str(pictures), *options, *place])
    assert done.exit_code == 0, done.stderr
    chosen = json.loads(done.stdout)["chosen"]
    assert (chosen["strategy"], chosen["head"], chosen["tap"]) == ("full", "softmax", "tuned")
    loaded = headstart.load(tmp_path / "alone", with_features=True)
    # The gallery and distances are of the frozen network: its last tap for this picture.
    (outcome,) = loaded.outcomes([pictures / "red" / "0.png"])
    frozen = load_backbone(DEFAULT, cache=cache)
    engine = Engine(frozen.graph, frozen.tap_names)
    expected = engine.run(frozen.preprocessing.pixels(read(pictures / "red" / "0.png")[1]))
    assert outcome.outputs is not None
    np.testing.assert_allclose(
        outcome.outputs["features"], expected[frozen.tap_names[-1]], rtol=1e-3, atol=1e-4
    )
    assert loaded.predict(pictures / "red" / "0.png").label in ("red", "blue")
