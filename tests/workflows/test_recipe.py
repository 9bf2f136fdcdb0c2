import dataclasses
from pathlib import Path

import numpy as np
import pytest

from headstart.cli.fit import command
from headstart.errors import SettingError
from headstart.files import canonical_json
from headstart.finetuning.presets import augmentation_of
from headstart.finetuning.recipe import Tuning
from headstart.workflows.recipe import TUNING, WITHOUT_OPTION, Recipe, recipe_of


def test_settings_become_a_recipe():
    recipe = recipe_of({"heads": "ridge", "images": "photos", "seed": 3})
    assert recipe == Recipe(heads=("ridge",), images=Path("photos"), seed=3)


def test_an_unknown_setting_suggests_near_ones():
    with pytest.raises(SettingError, match="did you mean backbone"):
        recipe_of({"backbon": "resnet50"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"test_share": 0.0},
        {"test_share": 1.0},
        {"num_folds": 1},
        {"seed": -1},
        {"seed": 2**32, "split": "random"},
        {"threads": 0},
        {"test_share": float("nan")},
        {"tta": "spins"},
        {"time_limit": float("inf")},
    ],
)
def test_wrong_values_are_refused_at_the_door(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Recipe(**wrong)


@pytest.mark.parametrize("merge", [{"cats": "dogs"}, "cats=dogs", ["cats=dogs"], [("a", "b", "c")]])
def test_a_wrong_merge_is_told_the_form(merge):
    with pytest.raises(SettingError) as error:
        recipe_of({"merge": merge})
    assert error.value.expected.startswith("merge: pairs of class names, as [('kitten', 'cat')]")
    assert error.value.fix.endswith("--merge A=B)")
    assert recipe_of({"merge": [("kitten", "cat")]}).merge == (("kitten", "cat"),)


def test_weights_have_no_effect_from_scratch():
    for settings in ({"strategy": "scratch"}, {"train_from": "scratch"}):
        with pytest.raises(SettingError, match="from scratch"):
            Recipe(weights="vgg16.h5", **settings)


def test_settings_are_held_against_the_rung_they_are_for():
    assert Recipe(strategy="scratch", frozen_epochs=10).first_rung == "scratch"
    with pytest.raises(SettingError, match="frozen_epochs"):
        Recipe(strategy="partial", epochs=10, frozen_epochs=10)


def test_what_is_judged_upside_down_is_learnt_upside_down():
    def flips(**settings):
        augmentation = augmentation_of(Recipe(**settings).tuning_for("top1", 100).augmentation)
        return augmentation.flip, augmentation.vertical_flip, augmentation.transpose

    assert flips() == flips(tta="mirror") == (0.5, 0, 0)
    assert flips(tta="flips") == (0.5, 0.5, 0)
    assert flips(tta="turns") == (0.5, 0.5, 0.5)
    assert flips(tta="flips", augmentation="none") == (0, 0, 0)


def test_a_recipe_is_frozen_and_plain():
    recipe = Recipe(images=Path("photos"), merge=(("a", "b"),), cache=Path("here"), threads=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.seed = 1
    assert "photos" in canonical_json(recipe.to_json())
    # Neither decides the result, so that receipts of equal runs are equal.
    assert not {"cache", "threads"} & recipe.to_json().keys()


def test_numbers_of_numpy_are_numbers():
    recipe = Recipe(
        seed=np.int64(1),
        epochs=np.int32(2),
        max_error=np.float32(0.25),
        time_limit=np.int64(9),
        augmentation={"preset": "standard", "zoom": (np.float32(0.5), np.int64(1))},
    )
    assert recipe == Recipe(
        seed=1,
        epochs=2,
        max_error=0.25,
        time_limit=9,
        augmentation={"preset": "standard", "zoom": (0.5, 1)},
    )
    assert '"max_error":0.25' in canonical_json(recipe.to_json()).replace(" ", "")
    for wrong in ({"seed": np.float64(1)}, {"seed": True}, {"test_share": True}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            Recipe(**wrong)


def test_what_says_how_pictures_are_read_reaches_the_reader():
    recipe = Recipe(label_pattern="x", merge=(("a", "b"),), test=Path("t"))
    options = recipe.read_options
    assert (options.label_pattern, options.merge, options.test) == ("x", (("a", "b"),), Path("t"))


def test_a_test_share_beside_a_given_test_part_is_refused(tmp_path):
    from PIL import Image

    from headstart.workflows.fit import run_fit

    for split in ("train", "test"):
        for kind in ("cat", "dog"):
            folder = tmp_path / "pets" / split / kind
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (9, 9), (number, 9, 9)).save(folder / f"{number}.png")
    with pytest.raises(SettingError, match="have a test part already"):
        run_fit(tmp_path / "pets", tmp_path / "out", Recipe(test_share=0.3))


def test_every_setting_of_fine_tuning_can_be_set() -> None:
    """But for what other settings decide: the rung, mirroring (measured), the share (chosen)."""
    decided = {"train_from", "mirror", "alpha"}
    assert {*TUNING} == {field.name for field in dataclasses.fields(Tuning)} - decided
    settings = {"clip": 0.5, "mixup": 0.2, "cutmix": 1.0, "label_smoothing": 0.1, "warmup": 0.2,
                "average": "ema", "class_weights": "balanced", "layer_decay": 0.9, "views": 4,
                "patience": 2, "autocast": "bf16"}  # fmt: skip
    tuning = Recipe(strategy="partial", **settings).tuning_for("top1", 100)
    assert {name: getattr(tuning, name) for name in settings} == settings
    with pytest.raises(SettingError, match="mixup is -1"):
        Recipe(mixup=-1.0)


def test_what_has_no_option_is_known() -> None:
    """The fix of an error names the option; where there is none it names --set."""
    options = {option.name for option in command.params}
    assert {*WITHOUT_OPTION} == {field.name for field in dataclasses.fields(Recipe)} - options
