from dataclasses import fields, replace

import numpy as np
import pytest

from headstart.finetuning.presets import PRESETS
from headstart.finetuning.settings import LIMITS, RANGES, Augmentation
from headstart.finetuning.view import TRIVIAL, Part, View, describe, draw, random_of

TORCHVISIONS = {
    "Identity": "identity",
    "ShearX": "shear x",
    "ShearY": "shear y",
    "TranslateX": "shift x",
    "TranslateY": "shift y",
    "Rotate": "rotate",
    "Brightness": "brightness",
    "Color": "saturation",
    "Contrast": "contrast",
    "Sharpness": "sharpness",
    "Posterize": "posterize",
    "Solarize": "solarize",
    "AutoContrast": "autocontrast",
    "Equalize": "equalize",
}


def test_nothing_is_drawn_from_nothing():
    assert draw(Augmentation(), random_of(0, 0, 0)) == View()
    assert describe(View()) == ""


def test_the_same_numbers_for_the_same_view_only():
    strong = PRESETS["strong"]
    views = {
        (seed, picture, view): draw(strong, random_of(seed, picture, view))
        for seed in range(2)
        for picture in range(3)
        for view in range(3)
    }
    assert len(set(views.values())) == len(views)
    for key, view in reversed(views.items()):
        assert draw(strong, random_of(*key)) == view


@pytest.mark.parametrize("name", [*LIMITS])
def test_one_setting_changes_one_thing(name):
    """The others are drawn as before: switching flips off does not draw other crops."""
    before = replace(PRESETS["standard"], blur=0.5, erase=0.5)
    low, high = LIMITS[name]
    after = replace(before, **{name: (low, high) if name in RANGES else high})
    if name == "crop":
        after = replace(after, crop=(0.2, 0.3))
    touched = set()
    for view in range(50):
        first, second = (draw(s, random_of(0, 0, view)) for s in (before, after))
        touched |= {
            field.name
            for field in fields(View)
            if getattr(first, field.name) != getattr(second, field.name)
        }
    wanted = {
        "flip": {"mirrored"},
        "vertical_flip": {"upside_down"},
        "transpose": {"transposed"},
        "rotation": {"angle"},
        "crop": {"part"},
        "stretch": {"part"},
        "perspective": {"corners"},
        "gray": {"saturation"},
        "erase": {"erased"},
        "trivial": {"shear", "angle", "shift", "brightness", "contrast", "saturation", "operation"},
    }.get(name, {name})
    assert touched == wanted


def test_draws_are_even_and_within_their_limits():
    settings = Augmentation(flip=0.3, rotation=20, zoom=(0.5, 1.5), brightness=0.4)
    views = [draw(settings, random_of(1, 0, view)) for view in range(3000)]
    # Three standard errors.
    assert abs(np.mean([view.mirrored for view in views]) - 0.3) < 3 * np.sqrt(0.21 / 3000)
    for name, low, high in (("angle", -20, 20), ("zoom", 0.5, 1.5), ("brightness", 0.6, 1.4)):
        quartiles = np.quantile([getattr(view, name) for view in views], [0, 0.25, 0.5, 0.75, 1])
        assert quartiles == pytest.approx(np.linspace(low, high, 5), abs=0.04 * (high - low))
        assert low <= quartiles[0] <= quartiles[-1] <= high


def test_trivial_augment_is_torchvisions():
    vision = pytest.importorskip("torchvision.transforms.v2")
    space = vision.TrivialAugmentWide._AUGMENTATION_SPACE
    assert {TORCHVISIONS[name] for name in space} == set(TRIVIAL)
    for theirs, (strengths, signed) in space.items():
        strongest, ours_signed = TRIVIAL[TORCHVISIONS[theirs]]
        assert signed == ours_signed
        values = strengths(31, 224, 224)
        if values is None:
            assert strongest == 0 or theirs == "Identity"
            continue
        unit = {"Posterize": lambda v: 8 - v, "Solarize": lambda v: 255 * (1 - v)}
        unit |= dict.fromkeys(("TranslateX", "TranslateY"), lambda v: v / 224)
        there = float(unit.get(theirs, lambda v: v)(values)[-1])
        assert there == pytest.approx(strongest)


def test_trivial_augment_draws_every_kind_alike():
    settings = Augmentation(trivial=1)
    words = [describe(draw(settings, random_of(0, 0, view))) for view in range(5600)]
    for name in ("sharpness", "posterize", "solarize", "autocontrast", "equalize"):
        # One of fourteen kinds; three standard errors of 400.
        assert abs(words.count(name) - 400) < 3 * 20


@pytest.mark.parametrize("size", [(500, 375), (50, 400), (8, 8)])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 4 / 3])
def test_a_part_fits_and_keeps_its_shape(size, ratio):
    for across, down in ((0.0, 0.0), (1.0, 1.0), (0.3, 0.8)):
        left, top, width, height = Part(0.9, ratio, across, down).box(*size)
        assert width / height == pytest.approx(ratio)
        assert min(left, top) >= 0
        assert left + width <= size[0] + 1e-9
        assert top + height <= size[1] + 1e-9
    _, _, width, height = Part(0.1, 1.0, 0, 0).box(300, 300)
    assert width * height == pytest.approx(0.1 * 300 * 300)
