"""Recipes in TOML: what wins, what is refused, and that a written one is read as it was."""

from pathlib import Path

import pytest

from headstart.errors import SettingError
from headstart.heads.catalog import make_head
from headstart.workflows.recipe import Recipe, recipe_of
from headstart.workflows.recipe_files import named_recipes, recipe_text

CLASSICS = (
    *("classic:inception-finetune", "classic:resnet-codes"),
    *("classic:vgg16-logistic", "classic:vgg16-three-heads"),
)


@pytest.fixture
def file(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_four_classics_are_there():
    assert tuple(named_recipes()) == CLASSICS


@pytest.mark.parametrize("name", CLASSICS)
def test_a_classic_is_a_recipe_with_a_source(name):
    found = named_recipes()[name]
    assert found.about and found.source
    recipe = recipe_of({"recipe": name})
    assert recipe.own_choice
    for head in recipe.heads:
        make_head(head.partition(":")[0])


def test_what_vgg16_logistic_published():
    recipe = recipe_of({"recipe": "classic:vgg16-logistic"})
    assert (recipe.backbone, recipe.input_size, recipe.pooling) == ("VGG16", 150, "flatten")
    assert (recipe.split, recipe.split_seed, recipe.say_every) == ("random", 42, 2500)
    assert recipe.heads == ("logistic",)
    assert recipe.strategy == "freeze"


def test_what_inception_finetune_published():
    recipe = recipe_of({"recipe": "classic:inception-finetune"})
    assert recipe.backbone == "InceptionV3"
    assert (recipe.optimizer, recipe.head_learning_rate) == ("rmsprop", 0.001)
    assert (recipe.batch_size, recipe.steps_per_epoch, recipe.frozen_epochs) == (32, 320, 5)
    assert recipe.learning_rate < recipe.head_learning_rate
    assert {"rotation", "shift", "shear", "zoom", "flip"} == set(recipe.augmentation)


def test_what_is_given_beats_the_recipe_beats_the_defaults(file):
    path = file('backbone = "resnet50"\nnum_folds = 3\n[fine_tuning]\nepochs = 4\n')
    recipe = recipe_of({"recipe": path, "num_folds": 4})
    assert recipe == Recipe(backbone="resnet50", num_folds=4, epochs=4)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'backbon = "resnet50"',
            r"recipe .*mine.toml: no setting is called 'backbon'[\s\S]*did you",
        ),
        ("[fine_tuning]\nepoch = 3", r"no setting is called 'epoch'[\s\S]*epochs"),
        ("epochs = 2\n[fine_tuning]\nepochs = 3", "epochs is set twice"),
        ("fine_tuning = 3", "fine_tuning is 3"),
        ("backbone = resnet50", "recipe .*line 1"),
        ('seed = "three"', r"seed is 'three'[\s\S]*a whole number"),
        ("own_choice = 1", "true or false"),
        ("heads = 3", "heads is 3"),
        ("heads = [3]", "heads is"),
        ("images = 3", "images is 3"),
        ("merge = 3", "merge is 3"),
        ('show = ["nothing"]', "show"),
        ('heads = ["logistic:sum"]', "pooling is 'sum'"),
        ("merge = [[1]]", "pairs"),
        ("input_size = 0", "1 or more"),
    ],
)
def test_what_cannot_be_is_refused(file, text, complaint):
    with pytest.raises(SettingError, match=complaint):
        recipe_of({"recipe": file(text)})


def test_a_name_that_is_none_suggests_a_near_one():
    with pytest.raises(SettingError, match="did you mean classic:vgg16-logistic"):
        recipe_of({"recipe": "vgg16-logistic"})


def test_what_is_written_is_read_as_it_was(file):
    recipe = Recipe(
        backbone='a "b"\\\x7f\n',
        heads=("ridge", "logistic:flatten"),
        merge=(("Kätzchen", "cat"), ("kat", "cat")),
        images=Path("my photos"),
        test_share=0.25,
        learning_rate=1e-5,
        augmentation={"rotation": 40, "zoom": [0.8, 1.2]},
        own_choice=True,
    )
    assert recipe_of({"recipe": file(recipe_text(recipe.to_json()))}) == recipe
    assert recipe_of({"recipe": file(recipe_text(Recipe().to_json()))}) == Recipe()


def test_nothing_stands_for_nothing_inside_a_setting_too(file):
    recipe = Recipe(augmentation={"preset": "none", "crop": None})
    found = recipe_of({"recipe": file(recipe_text(recipe.to_json()))})
    assert found.augmentation == {"preset": "none"}
