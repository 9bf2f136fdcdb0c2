"""Four named choices of augmentation, and how single settings are written beside one."""

from __future__ import annotations

from typing import Any

from headstart.errors import SettingError
from headstart.finetuning.settings import RANGES, Augmentation, changed, unknown

# What is drawn for fine-tuning. Light is BiT's and fastai's common ground; TrivialAugment
# (AutoGluon's default) pays from about twenty pictures a class, below it may hurt.
PRESETS: dict[str, Augmentation] = {
    "none": Augmentation(),
    "light": Augmentation(flip=0.5, crop=(0.6, 1.0), stretch=4 / 3),
    "standard": Augmentation(
        flip=0.5,
        crop=(0.6, 1.0),
        stretch=4 / 3,
        rotation=10.0,
        brightness=0.1,
        contrast=0.1,
        saturation=0.1,
    ),
    "strong": Augmentation(flip=0.5, crop=(0.4, 1.0), stretch=4 / 3, erase=0.25, trivial=1.0),
}


def preset(name: str, **settings: Any) -> Augmentation:
    """A named choice, with single settings replaced.

    Args:
        name: A key of ``PRESETS``.
        **settings: Fields of `Augmentation`.

    Raises:
        SettingError: No such preset or setting, or a value that cannot be.

    Example:
        >>> preset("light", flip=0.0).crop
        (0.6, 1.0)
    """
    if name not in PRESETS:
        raise unknown("preset", name, list(PRESETS))
    return changed(PRESETS[name], settings)


def augmentation_of(given: str | dict[str, Any]) -> Augmentation:
    """What a person wrote: a preset, settings, or a preset with some of them replaced.

    ``flip=true`` (``vertical_flip``, ``transpose``) is a probability of one half; ``zoom=0.2`` the
    range from 0.8 to 1.2; ``crop=0.6`` from 0.6 to 1.

    Args:
        given: Text, parted by commas: ``"light"``, ``"rotation=40,shift=0.2,flip=true"``,
            ``"strong,zoom=0.9:1.1"``; or the same as a mapping, the preset by ``"preset"``.

    Raises:
        SettingError: No such preset or setting, or a value that cannot be.

    Example:
        >>> augmentation_of("rotation=40,zoom=0.2,flip=true").zoom
        (0.8, 1.2)
    """
    settings = dict(given) if isinstance(given, dict) else _parted(given)
    name = settings.pop("preset", "none")
    return preset(str(name), **{key: _plain(key, value) for key, value in settings.items()})


def _parted(text: str) -> dict[str, Any]:
    words = [word.strip() for word in str(text).split(",")]
    settings = {"preset": words.pop(0)} if "=" not in words[0] else {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise _unreadable(word)
        settings[name.strip()] = _value(value.strip())
    return settings


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        numbers = tuple(float(number) for number in text.split(":"))
    except ValueError:
        raise _unreadable(text) from None
    return numbers if len(numbers) > 1 else numbers[0]


def _plain(name: str, value: Any) -> Any:
    """One number where a range is expected, yes where a probability is."""
    if isinstance(value, bool) and name in ("flip", "vertical_flip", "transpose"):
        return 0.5 * value
    if name in RANGES and isinstance(value, int | float):
        return (round(1 - value, 9), round(1 + value, 9)) if name == "zoom" else (value, 1.0)
    return value


def _unreadable(word: str) -> SettingError:
    return SettingError(
        f"{word!r} is no setting of augmentation",
        "a preset, or settings as name=number: light,rotation=40,zoom=0.9:1.1,flip=true",
        "headstart augment --help lists the settings",
    )
