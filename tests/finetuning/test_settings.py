import json

import pytest

from headstart.errors import SettingError
from headstart.finetuning.presets import PRESETS, preset
from headstart.finetuning.settings import LIMITS, RANGES, Augmentation, changed


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    settings = PRESETS[name]
    assert Augmentation.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize("name", [*LIMITS])
def test_values_outside_the_limits_are_refused(name):
    low, high = LIMITS[name]
    base = {} if name == "crop" else {"crop": (0.5, 1.0)}
    for value in (low - 0.01, high + 0.01, float("nan"), True, "1"):
        given = (value, value) if name in RANGES else value
        with pytest.raises(SettingError, match=f"{name} is"):
            Augmentation(**base, **{name: given})
    Augmentation(**base, **{name: (low, high) if name in RANGES else high})


def test_a_range_is_two_numbers_in_order():
    for value in ((1.0, 0.5), (0.5,), 0.5, [0.5, 1.0]):
        with pytest.raises(SettingError, match="crop is"):
            Augmentation(crop=value)


def test_a_stretch_of_nothing_is_refused():
    with pytest.raises(SettingError, match="without a crop"):
        Augmentation(stretch=1.3)


def test_single_settings_replace_a_presets():
    settings = preset("standard", rotation=20, zoom=[0.9, 1.1])
    assert (settings.rotation, settings.zoom) == (20, (0.9, 1.1))
    assert settings.crop == PRESETS["standard"].crop


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(SettingError, match="did you mean strong"):
        preset("stronk")
    with pytest.raises(SettingError, match="did you mean rotation"):
        changed(Augmentation(), {"rotations": 3})
