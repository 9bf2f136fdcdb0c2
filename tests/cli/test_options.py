"""Settings of a recipe from what was given on the command line."""

from headstart.backbones.request import TTA
from headstart.cli.main import main
from headstart.cli.options import settings_of


def test_merge_and_set():
    given = {"merge": ("kat=cat",), "others": ("say_every=1000", "backbone=resnet50"), "seed": None}
    found = {"merge": (("kat", "cat"),), "say_every": 1000, "backbone": "resnet50"}
    assert settings_of(given) == found


def test_merge_as_a_recipe_has_it():
    assert settings_of({"others": ('merge=[["kat", "cat"]]',)}) == {"merge": [["kat", "cat"]]}


def test_every_way_to_augment_at_test_time_can_be_asked_for():
    (option,) = (each for each in main.get_command(None, "fit").params if each.name == "tta")
    assert list(option.type.choices) == list(TTA)
