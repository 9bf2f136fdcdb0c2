"""Four named choices of augmentation."""

from __future__ import annotations

from typing import Any

from headstart.finetuning.settings import Augmentation, changed, unknown

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
