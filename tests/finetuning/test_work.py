"""The promises of fine-tuning, on a tiny network in this process."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from headstart import layers
from headstart.backbones.engine import Engine
from headstart.errors import DatasetError, SettingError, StoreError
from headstart.finetuning import work
from headstart.finetuning.job import METRICS
from headstart.layers import softmax

Tuned = Callable[..., Any]


def test_a_training_continued_anywhere_ends_with_the_same_bits(tuned: Tuned) -> None:
    settings = {"average": "ema", "mixup": 0.2, "cutmix": 0.5, "alpha": 1.0}
    whole, _ = tuned("whole", tuning=settings)
    first, _ = tuned("parts", steps=2, tuning=settings)
    assert first.stopped == "interrupted"
    tuned("parts", steps=3, tuning=settings)
    parts, heard = tuned("parts", tuning=settings)
    assert "going on from step 5" in heard.said
    np.testing.assert_array_equal(parts.scores, whole.scores)
    np.testing.assert_array_equal(parts.layers[-1].weight, whole.layers[-1].weight)
    keys = ("epoch", "step", "train_loss", "validation_loss", "learning_rate")
    assert [[record[key] for key in keys] for record in parts.history] == [
        [record[key] for key in keys] for record in whole.history
    ]
    assert parts.stopped is None
    assert parts.epochs == 3


def test_first_the_head_alone_then_all_from_the_same_bits(tuned: Tuned, tmp_path: Path) -> None:
    settings = {"epochs": 2, "frozen_epochs": 1, "steps_per_epoch": 4, "alpha": 1.0}
    whole, _ = tuned("whole", tuning=settings)
    tuned("parts", steps=4, tuning=settings)
    state = load_file(tmp_path / "parts" / "checkpoint.safetensors")
    initial = load_file(tmp_path / "parts" / "initial.safetensors")
    changed = {n for n, values in initial.items() if not (state[f"weights:{n}"] == values).all()}
    assert changed == {"head.weight", "head.bias"}
    parts, _ = tuned("parts", tuning=settings)
    assert [record["step"] for record in parts.history] == [4, 8]
    np.testing.assert_array_equal(parts.scores, whole.scores)
    state = load_file(tmp_path / "parts" / "checkpoint.safetensors")
    changed = {n for n, values in initial.items() if not (state[f"weights:{n}"] == values).all()}
    assert len(changed) > 2


def test_a_head_of_zeros_is_there_to_be_asked_for(tuned: Tuned, tmp_path: Path) -> None:
    result, _ = tuned(tuning={"start": "zeros", "epochs": 1})
    initial = load_file(tmp_path / "job" / "initial.safetensors")
    assert not initial["head.weight"].any() and not initial["head.bias"].any()
    assert result.alpha == 1
    # As published: on the features as they are.
    assert [type(layer) for layer in result.layers] == [layers.Affine]


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_so_it_does_with_every_optimizer_on_whole_pictures(tuned: Tuned, optimizer: str) -> None:
    settings = {"train_from": "all", "optimizer": optimizer, "epochs": 2, "alpha": 1.0}
    whole, _ = tuned("whole", tuning=settings)
    tuned("parts", steps=4, tuning=settings)
    parts, _ = tuned("parts", tuning=settings)
    np.testing.assert_array_equal(parts.scores, whole.scores)


def test_the_share_0_is_the_linear_probe(tuned: Tuned, small: Any) -> None:
    from headstart.heads.softmax import SoftmaxHead

    result, _ = tuned(tuning={"alpha": 0.0, "train_from": "top1", "epochs": 1})
    engine = Engine(small.backbone.graph, ("head",))
    X = np.stack([_features(engine, small, row) for row in range(36)])
    roots = layers.Root().run(X)
    head = SoftmaxHead(seed=0).fit(roots[small.train], small.y[small.train])
    expected = head.predict_proba(roots[small.judged])
    assert np.ptp(expected) > 0.1
    # The frozen layers' outputs are kept in half precision.
    np.testing.assert_allclose(softmax(result.scores), expected, atol=5e-3)


def test_features_as_they_are_are_there_to_be_asked_for(tuned: Tuned, small: Any) -> None:
    from headstart.heads.softmax import SoftmaxHead

    settings = {"alpha": 0.0, "train_from": "top1", "epochs": 1, "rooted": False}
    result, _ = tuned(tuning=settings)
    engine = Engine(small.backbone.graph, ("head",))
    X = np.stack([_features(engine, small, row) for row in range(36)])
    head = SoftmaxHead(seed=0).fit(X[small.train], small.y[small.train])
    expected = head.predict_proba(X[small.judged])
    np.testing.assert_allclose(softmax(result.scores), expected, atol=5e-3)


def test_the_tuned_network_is_a_backbone_and_a_head(tuned: Tuned, small: Any) -> None:
    settings = {"alpha": 1.0, "learning_rate": 3e-3}
    result, _ = tuned(graph=True, tuning=settings)
    backbone = result.backbone
    assert backbone.tap_names == small.backbone.tap_names
    assert backbone.fingerprint != small.backbone.fingerprint
    engine = Engine(backbone.graph, ("stage3", "head"))
    frozen = Engine(small.backbone.graph, ("stage3", "head"))
    X = np.stack([_features(engine, small, row) for row in small.judged])
    scores = layers.run(result.layers, X)
    np.testing.assert_allclose(scores, result.scores, atol=2e-3 * np.abs(scores).max())
    row = int(small.judged[0])
    same = [_features(e, small, row, "stage3") for e in (engine, frozen)]
    np.testing.assert_allclose(*same, rtol=1e-4, atol=1e-6)
    other = [_features(e, small, row) for e in (engine, frozen)]
    assert np.abs(other[0] - other[1]).max() > 1e-3


def test_of_whole_pictures_the_graph_gives_the_same_scores(tuned: Tuned, small: Any) -> None:
    settings = {"train_from": "all", "alpha": 1.0, "epochs": 1}
    result, _ = tuned(graph=True, tuning=settings)
    engine = Engine(result.backbone.graph, ("head",))
    X = np.stack([_features(engine, small, row) for row in small.judged])
    scores = layers.run(result.layers, X)
    np.testing.assert_allclose(scores, result.scores, atol=1e-4 * np.abs(scores).max())


@pytest.mark.parametrize(("train_from", "near"), [("top2", 2e-3), ("all", 1e-4)])
def test_what_is_judged_over_views_is_what_the_graph_gives(
    tuned: Tuned, small: Any, train_from: str, near: float
) -> None:
    settings = {"train_from": train_from, "alpha": 1.0, "epochs": 1}
    plain, _ = tuned(graph=True, tuning=settings)
    over_views = {**small.backbone.to_json(), "tta": "turns"}
    result, _ = tuned(graph=True, tuning=settings, backbone=over_views)
    assert result.backbone.tta == "turns"
    engine = Engine(result.backbone.graph, ("head",))
    X = np.stack([_features(engine, small, row) for row in small.judged])
    scores = layers.run(result.layers, X)
    np.testing.assert_allclose(scores, result.scores, atol=near * np.abs(scores).max())
    assert np.abs(result.scores - plain.scores).max() > 10 * near * np.abs(scores).max()


def test_where_mirroring_hurts_rows_and_columns_stay_too() -> None:
    from headstart.finetuning.presets import augmentation_of
    from headstart.finetuning.settings import changed
    from headstart.finetuning.work import _NO_MIRROR

    found = changed(augmentation_of("light,vertical_flip=true,transpose=true"), _NO_MIRROR)
    assert found.flip == found.vertical_flip == found.transpose == 0
    assert found.crop == augmentation_of("light").crop


def test_what_is_kept_is_not_computed_again(tuned: Tuned) -> None:
    tuned("first", tuning={"views": 3})
    _, heard = tuned("second", tuning={"views": 3, "learning_rate": 1e-4, "epochs": 4})
    assert "frozen layers" not in heard.begun
    _, heard = tuned("third", tuning={"views": 3, "augmentation": "strong"})
    assert "frozen layers" in heard.begun


def test_a_loss_that_is_no_number_ends_it_with_the_last_good(tuned: Tuned) -> None:
    settings = {"optimizer": "sgd", "learning_rate": 10.0, "head_learning_rate": 10.0, "clip": 0.0,
                "warmup": 0.0, "epochs": 40, "patience": 0}  # fmt: skip
    result, heard = tuned(tuning=settings)
    assert result.stopped == "nan"
    assert np.isfinite(result.scores).all()
    assert "not a finite number" in heard.said[-1]


@pytest.mark.parametrize("words", ["", "DefaultCPUAllocator: can't allocate memory"])
def test_out_of_memory_the_batch_is_computed_in_halves(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    import torch

    from headstart.finetuning.learner import Learner

    settings = {"epochs": 1, "mixup": 0.2, "class_weights": "balanced", "alpha": 1.0}
    whole, _ = tuned("whole", tuning=settings)
    forward = Learner.forward

    def short(self: Any, x: Any, kept: Any = None, head_only: bool = False) -> Any:
        if kept is not None and len(x) > 4:
            raise RuntimeError(words) if words else torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, x, kept, head_only)

    monkeypatch.setattr(Learner, "forward", short)
    halves, heard = tuned("halves", tuning=settings)
    assert heard.said.count("out of memory: batches of 8 are computed in two halves") == 1
    np.testing.assert_allclose(halves.scores, whole.scores, rtol=1e-4, atol=1e-5)


def test_a_disk_that_fills_up_costs_nothing_but_the_last_steps(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    from headstart.finetuning import checkpoints

    def full(*_: object) -> None:
        raise SafetensorError("No space left on device")

    settings = {"epochs": 2, "alpha": 1.0}
    whole, _ = tuned("whole", tuning=settings)
    tuned("parts", steps=2, tuning=settings)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "save_file", full)
        with pytest.raises(StoreError, match="No space left"):
            tuned("parts", tuning=settings)
    parts, heard = tuned("parts", tuning=settings)
    assert "going on from step 2" in heard.said
    np.testing.assert_array_equal(parts.scores, whole.scores)


def test_what_it_will_take_is_said_first(tuned: Tuned) -> None:
    _, heard = tuned(tuning={"train_from": "all", "epochs": 1})
    assert re.fullmatch(r"training of 1 x 3 steps: about \d+ s, \d\.\d GB of memory", heard.said[0])


def test_a_time_limit_gives_the_best_so_far_and_only_more_time_goes_on(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = work.forecast
    quick = lambda *given: replace(told(*given), ending=0.0)  # noqa: E731
    monkeypatch.setattr(work, "forecast", quick)
    settings = {"epochs": 9000, "patience": 0}
    result, _ = tuned(tuning=settings, time_limit=4.0)
    assert result.stopped == "time"
    assert 1 <= result.epochs < 9000
    # What the first call has spent counts: the same again trains no further.
    again, _ = tuned(tuning=settings, time_limit=4.0)
    assert (again.epochs, again.stopped, again.kept) == (result.epochs, "time", False)
    np.testing.assert_array_equal(again.scores, result.scores)
    assert again.spent_before >= 4
    on, heard = tuned(tuning=settings, time_limit=12.0)
    assert any(line.startswith("going on from step") for line in heard.said)
    assert on.epochs > result.epochs


def test_time_is_kept_to_judge_by_the_end(tuned: Tuned, monkeypatch: pytest.MonkeyPatch) -> None:
    told = work.forecast
    slow = lambda *given: replace(told(*given), ending=1000.0)  # noqa: E731
    monkeypatch.setattr(work, "forecast", slow)
    result, _ = tuned(tuning={"epochs": 9000, "patience": 0}, time_limit=900.0)
    assert (result.stopped, result.epochs) == ("time", 0)


def test_training_ends_when_it_only_gets_worse(tuned: Tuned) -> None:
    settings = {"learning_rate": 1.0, "head_learning_rate": 1.0, "epochs": 60, "patience": 2,
                "schedule": "constant"}  # fmt: skip
    result, _ = tuned(tuning=settings)
    assert result.stopped == "patience"
    assert result.epochs < 60
    # How far it is drawn to the usual share by 8 pictures, and no further.
    assert result.losses[f"{result.alpha:g}"] <= result.losses["0"] + 0.5 * 0.625**2


def test_epochs_are_lines_of_json(tuned: Tuned, tmp_path: Path) -> None:
    result, heard = tuned()
    lines = (tmp_path / "job" / METRICS).read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(result.history) == heard.epochs
    assert [line["step"] for line in heard.epochs] == [3, 6, 9]


@pytest.mark.parametrize("train_from", ["affine", "scratch"])
def test_only_what_should_learn_learns(tuned: Tuned, small: Any, train_from: str) -> None:
    from headstart.finetuning.depth import trained_names
    from headstart.finetuning.network import network_of

    result, _ = tuned(tuning={"train_from": train_from, "epochs": 1})
    network = network_of(small.request, False, 0)
    names = set(trained_names(network, train_from))
    assert result.alpha in ((1.0,) if train_from == "scratch" else (0, 0.25, 0.5, 0.75, 1))
    weights = {name for name, p in network.named_parameters() if p.ndim > 1}
    assert bool(names & weights) == (train_from == "scratch")


def test_a_picture_that_changed_is_an_error(tuned: Tuned, small: Any, tmp_path: Path) -> None:
    digests = [bytes(32).hex() for _ in small.paths]
    with pytest.raises(DatasetError, match="changed while"):
        tuned(digests=digests)


def test_a_full_disk_leaves_nothing_behind(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.finetuning import trunk_cache

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trunk_cache.np, "save", full)
    cache = tmp_path / "cache"
    with pytest.raises(StoreError, match="No space left"):
        tuned(cache=str(cache))
    assert list(cache.rglob("part-*")) == list(cache.rglob(".headstart-tmp-*")) == []


def test_too_little_room_is_found_before_the_work(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.finetuning import trunk_cache

    monkeypatch.setattr(
        trunk_cache.shutil, "disk_usage", lambda _: type("Free", (), {"free": 1000})
    )
    with pytest.raises(StoreError, match="are free"):
        tuned(cache=str(tmp_path / "cache"))


def test_a_stage_that_is_not_there(tuned: Tuned) -> None:
    with pytest.raises(SettingError, match="this network has 5 stages"):
        tuned(tuning={"train_from": "stage9"})


def test_the_rate_with_the_lowest_loss_is_found(tuned: Tuned, small: Any, tmp_path: Path) -> None:
    from headstart.finetuning.job import ARRAYS, RESULT
    from headstart.finetuning.work import work

    folder = tmp_path / "range"
    folder.mkdir()
    _, heard = tuned(tuning={"epochs": 1})
    y = np.random.default_rng(0).integers(2, size=36).tolist()
    work(small.job(task="range", y=y, validation=[], judged=[]), folder, heard, heard)
    arrays = load_file(folder / ARRAYS)
    rates, losses = arrays["rates"], arrays["losses"]
    assert len(rates) == len(losses) > 20
    assert (np.diff(np.log(rates)) > 0).all()
    suggestion = json.loads((folder / RESULT).read_bytes())["suggestion"]
    assert suggestion == pytest.approx(rates[10 + losses[10:].argmin()] / 10)
    assert losses[-1] > 1.5 * losses.min()


def _features(engine: Engine, small: Any, row: int, tap: str = "head") -> Any:
    from headstart.images.decode import read

    preprocessing = small.backbone.preprocessing
    _, picture = read(small.paths[row])
    return engine.run(preprocessing.pixels(picture))[tap]
