"""What may be changed at random in training pictures: plain numbers, checked at the door."""

from __future__ import annotations

import difflib
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from headstart.errors import SettingError

Range = tuple[float, float]

# Lowest and highest value of each setting (of both ends, where it is a range).
LIMITS: dict[str, Range] = {
    "flip": (0, 1),
    "vertical_flip": (0, 1),
    "transpose": (0, 1),
    "rotation": (0, 180),
    "shift": (0, 0.5),
    "shear": (0, 60),
    "zoom": (0.25, 4),
    "crop": (0.01, 1),
    "stretch": (1, 4),
    "perspective": (0, 0.9),
    "lens": (0, 0.3),
    "brightness": (0, 1),
    "contrast": (0, 1),
    "saturation": (0, 1),
    "hue": (0, 0.5),
    "gray": (0, 1),
    "blur": (0, 1),
    "erase": (0, 1),
    "trivial": (0, 1),
}

RANGES = ("zoom", "crop")


@dataclass(frozen=True)
class Augmentation:
    """How training pictures are changed; by default not at all.

    What is called a probability is drawn for every view anew; what is called "at most" is drawn
    evenly up to that, to both sides.

    Args:
        flip: Probability of mirroring left and right.
        vertical_flip: Probability of mirroring top and bottom.
        transpose: Probability of exchanging rows and columns, which mirrors and turns by a quarter;
            with both flips there are all turns and mirror images.
        rotation: Degrees at most.
        shift: Share of the side at most, across and down.
        shear: Degrees at most.
        zoom: Magnification from, to; (1, 1) is none.
        crop: Share of the picture's area from, to, of a random part; None: the centre that
            prediction sees.
        stretch: Width to height of the random part at most (at least its inverse); 1 keeps shapes.
        perspective: How far the corners move inwards at most, as a share of half the side.
        lens: How far the corners move to or from the centre at most, as a share of that distance:
            barrel and pincushion distortion.
        brightness, contrast, saturation: Relative change at most.
        hue: Share of the colour circle at most.
        gray: Probability of taking the colours away.
        blur: Probability of a Gaussian blur of 0.1 to 2 pixels.
        erase: Probability of blanking a rectangle.
        trivial: Probability of one random change of random strength (TrivialAugment).

    Raises:
        SettingError: A value that cannot be.
    """

    flip: float = 0.0
    vertical_flip: float = 0.0
    transpose: float = 0.0
    rotation: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: Range = (1.0, 1.0)
    crop: Range | None = None
    stretch: float = 1.0
    perspective: float = 0.0
    lens: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gray: float = 0.0
    blur: float = 0.0
    erase: float = 0.0
    trivial: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in RANGES:
                _must_be_a_number(name, value)
            elif name != "crop" or value is not None:
                _must_be_a_range(name, value)
        if self.stretch != 1 and self.crop is None:
            raise SettingError(
                f"stretch is {self.stretch:g} without a crop",
                "a stretch of 1, or a random part to be stretched",
                "add a crop, for example 0.6 to 1 (on the command line: --crop 0.6 1)",
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a record."""
        values = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Augmentation:
        """What ``to_json`` wrote; what is missing has its default.

        Raises:
            SettingError: A setting is unknown, or a value cannot be.
        """
        return changed(cls(), record)


def changed(augmentation: Augmentation, settings: dict[str, Any]) -> Augmentation:
    """The same with single settings replaced; lists become ranges.

    Raises:
        SettingError: A setting is unknown, or a value cannot be.
    """
    known = [field.name for field in fields(Augmentation)]
    for name in settings:
        if name not in known:
            raise unknown("setting", name, known)
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    return replace(augmentation, **plain)


def _must_be_a_number(name: str, value: object) -> None:
    low, high = LIMITS[name]
    if not _is_number(value) or not low <= value <= high:  # type: ignore[operator]
        raise _wrong(name, value, f"a number from {low} to {high}")


def _must_be_a_range(name: str, value: object) -> None:
    low, high = LIMITS[name]
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    if not is_pair or not low <= value[0] <= value[1] <= high:  # type: ignore[index]
        raise _wrong(name, value, f"two numbers, the smaller first, from {low} to {high}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(name: str, value: object, expected: str) -> SettingError:
    option = name.replace("_", "-")
    return SettingError(
        f"{name} is {value!r}", expected, f"change {name} (on the command line: --{option})"
    )


def unknown(kind: str, name: str, known: list[str]) -> SettingError:
    """The error for a name that is none, with the nearest that is."""
    near = difflib.get_close_matches(name, known, n=1)
    return SettingError(
        f"no {kind} of augmentation is called {name!r}",
        f"one of {', '.join(known)}",
        f"did you mean {near[0]}?" if near else f"choose another {kind}",
    )
