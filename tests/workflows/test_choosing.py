"""`--backbone auto`, with a network beside the default that knows a picture's mean colour only."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from headstart.backbones.backbone import Tap
from headstart.errors import SettingError
from headstart.features.store import FeatureStore
from headstart.progress import Silent
from headstart.strategy.backbone_choice import BackboneChoice
from headstart.workflows.choosing import prepare_chosen
from headstart.workflows.estimator import ImageClassifier
from headstart.workflows.fit import run_fit
from headstart.workflows.recipe import Recipe

AUTO = "auto:efficientnet_lite0,colour"


@pytest.fixture
def colour(backbone, tmp_path, monkeypatch):
    """A backbone of three features; loading knows it by its name."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["x"], ["head"], axes=[1, 2], keepdims=0),
        ],
        "colour",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 224, 224, 3])],
        [helper.make_tensor_value_info("head", TensorProto.FLOAT, ["N", 3])],
    )
    path = tmp_path / "colour.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    made = replace(
        backbone, name="colour", taps=(Tap("head", 3),), fingerprint="colour", graph=path
    )
    known = {"efficientnet_lite0": backbone, "colour": made}
    monkeypatch.setattr(
        "headstart.workflows.choosing.load_backbone", lambda name, **more: known[name]
    )
    return made


@pytest.fixture
def chosen(monkeypatch):
    """Let the choice fall on the mean colour."""
    choice = BackboneChoice("colour", "of the test", ())
    monkeypatch.setattr("headstart.workflows.choosing.choose_backbone", lambda *a, **b: choice)


@pytest.mark.long
def test_fit_takes_the_better_one_and_test_pictures_have_no_say(
    colour, shapes, own_cache, tmp_path
):
    recipe = Recipe(backbone=AUTO, heads=("ridge",), cache=own_cache)
    fitted = run_fit(shapes, tmp_path / "out", recipe)
    choice = fitted.receipt["backbone_choice"]
    assert choice["chosen"] == fitted.receipt["chosen"]["backbone"] == "efficientnet_lite0"
    assert choice["runner_up"]["name"] == "colour"
    assert choice["runner_up"]["difference_to_chosen"][0] < 0
    assert [each["name"] for each in choice["contenders"]] == ["efficientnet_lite0", "colour"]
    assert fitted.receipt["recipe"]["backbone"] == AUTO
    digests = fitted.prepared.features.facts.digests
    seen = FeatureStore(own_cache, colour)
    assert not any(digests[row] in seen for row in fitted.trained.test)
    assert sum(digests[row] in seen for row in fitted.trained.train) == len(seen) > 30
    assert "Which backbone" in (fitted.bundle / "report.html").read_text()


@pytest.mark.long
def test_the_chosen_one_reads_all_pictures_in_order(colour, chosen, shapes, own_cache):
    recipe = Recipe(backbone=AUTO, cache=own_cache)
    prepared, choice = prepare_chosen(shapes, recipe, Silent())
    assert choice.chosen == prepared.backbone.name == "colour"
    assert prepared.features.computed == len(prepared.manifest) == 44
    again, _ = prepare_chosen(shapes, recipe, Silent())
    assert (again.features.computed, again.features.reused) == (0, 44)
    pixels = [
        np.asarray(_opened(prepared.manifest.path(row))).mean(axis=(0, 1)) for row in range(44)
    ]
    assert np.abs(prepared.features.taps["head"] - pixels).max() < 20
    assert np.array_equal(prepared.groups, again.groups)


def _opened(path):
    from PIL import Image

    return Image.open(path)


def test_without_auto_nothing_is_chosen(shapes, cache):
    prepared, choice = prepare_chosen(shapes, Recipe(), Silent())
    assert choice is None
    assert prepared.backbone.name == "efficientnet_lite0"


def test_weights_are_of_one_backbone(shapes, cache):
    with pytest.raises(SettingError, match="the weights are 'random', and the backbone is 'auto'"):
        prepare_chosen(shapes, Recipe(backbone="auto", weights="random"), Silent())


def test_only_fit_chooses(headstart, shapes):
    ran = headstart("check", shapes, "--backbone", "auto")
    assert (ran.code, ran.out) == (2, "")
    assert ran.complaint == "the backbone is 'auto', but only fit chooses one"
    paths = sorted(shapes.rglob("*.png"))
    with pytest.raises(SettingError, match="only fit chooses one"):
        ImageClassifier(backbone="auto").fit(paths, [path.parent.name for path in paths])
