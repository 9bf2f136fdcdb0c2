import pytest

from headstart.errors import SettingError
from headstart.finetuning.presets import PRESETS, augmentation_of, preset


def test_text_and_mapping_say_the_same() -> None:
    text = "rotation=40,shift=0.2,shear=0.2,zoom=0.2,flip=true"
    mapping = {"rotation": 40, "shift": 0.2, "shear": 0.2, "zoom": 0.2, "flip": True}
    found = augmentation_of(text)
    assert found == augmentation_of(mapping)
    assert (found.rotation, found.zoom, found.flip, found.crop) == (40, (0.8, 1.2), 0.5, None)


def test_a_preset_alone_or_with_settings_of_its_own() -> None:
    assert augmentation_of("strong") == PRESETS["strong"]
    changed = preset("light", crop=(0.8, 1.0), zoom=(0.9, 1.1), flip=0.0)
    assert augmentation_of("light, crop=0.8, zoom=0.9:1.1, flip=false") == changed
    given = {"preset": "light", "crop": 0.8, "zoom": [0.9, 1.1], "flip": 0}
    assert augmentation_of(given) == changed


@pytest.mark.parametrize("text", ["lite", "", "rotate=3", "rotation=x", "rotation=400", "flip"])
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        augmentation_of(text)
