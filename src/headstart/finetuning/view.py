"""One random view of a picture as plain numbers: drawn here, made into pixels elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.finetuning.settings import Augmentation

Pair = tuple[float, float]

# TrivialAugment's changes: the strongest of each, and whether the sign is drawn too. Shears are
# tangents; shifts are shares of the side (32 of 224 pixels).
TRIVIAL: dict[str, tuple[float, bool]] = {
    "identity": (0.0, False),
    "shear x": (0.99, True),
    "shear y": (0.99, True),
    "shift x": (32 / 224, True),
    "shift y": (32 / 224, True),
    "rotate": (135.0, True),
    "brightness": (0.99, True),
    "saturation": (0.99, True),
    "contrast": (0.99, True),
    "sharpness": (0.99, True),
    "posterize": (6.0, False),
    "solarize": (255.0, False),
    "autocontrast": (0.0, False),
    "equalize": (0.0, False),
}
_STRENGTHS = 31
_ERASED_AREA, _ERASED_RATIO = (0.02, 1 / 3), 3.3


@dataclass(frozen=True)
class Part:
    """A rectangle of a picture: its share of the area, its shape, and where it lies.

    Args:
        area: Share of the whole, in (0, 1].
        ratio: Width to height.
        across, down: 0 is at the left (top) edge, 1 at the right (bottom) edge.
    """

    area: float
    ratio: float
    across: float
    down: float

    def box(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Left, top, width and height in a picture of that size; smaller where it would not fit."""
        across = math.sqrt(self.area * width * height * self.ratio)
        down = across / self.ratio
        fit = min(1.0, width / across, height / down)
        across, down = fit * across, fit * down
        return self.across * (width - across), self.down * (height - down), across, down


@dataclass(frozen=True)
class View:
    """What is done to one picture; by default nothing.

    In this order: the part is cut out, its corners moved, the square mirrored, zoomed, sheared,
    turned and shifted, bent by a lens; then colours, ``operation``, blur and blanking; at
    last rows and columns change places.

    Args:
        part: What is cut out; None: the centre that prediction sees.
        corners: How far each corner moves inwards, as shares of half the side: x and y of top
            left, top right, bottom right, bottom left.
        mirrored, upside_down: Left and right, top and bottom change places.
        transposed: Rows and columns change places, after everything else.
        zoom: Above 1 things grow.
        shear: Degrees, along x and along y.
        angle: Degrees, counter-clockwise.
        shift: Share of the side, to the right and down.
        lens: How much farther from the centre a corner looks, as a share of its distance.
        brightness, contrast, saturation: Factors.
        hue: Share of the colour circle.
        operation: Name and strength of a change of colours that is not linear.
        blur: Standard deviation in pixels.
        erased: What is blanked.
    """

    part: Part | None = None
    corners: tuple[float, ...] = (0.0,) * 8
    mirrored: bool = False
    upside_down: bool = False
    transposed: bool = False
    zoom: float = 1.0
    shear: Pair = (0.0, 0.0)
    angle: float = 0.0
    shift: Pair = (0.0, 0.0)
    lens: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    operation: tuple[str, float] | None = None
    blur: float = 0.0
    erased: Part | None = None


def random_of(seed: int, picture: int, view: int) -> np.random.Generator:
    """Where the numbers of one view come from: the same for any order and number of threads.

    Args:
        seed: The run's seed, 0 or more.
        picture: Index of the picture.
        view: Index of the view of that picture (for example the epoch).
    """
    return np.random.default_rng([seed, picture, view])


def draw(augmentation: Augmentation, random: np.random.Generator) -> View:
    """Draw one view.

    Every number is drawn whether it is used or not: changing one setting changes nothing else.

    Source: ``RandomResizedCrop``, ``RandomAffine``, ``RandomPerspective``, ``ColorJitter`` and
    ``RandomErasing`` of torchvision, but that a part which does not fit is made smaller instead of
    being drawn again; Müller and Hutter 2021, "TrivialAugment", table 6 (wide).
    """
    settings = augmentation

    def chance(probability: float) -> bool:
        return bool(random.random() < probability)

    def upto(limit: float) -> float:
        return limit * float(random.uniform(-1, 1))

    part = _part(settings.crop or (1.0, 1.0), settings.stretch, random)
    view = View(
        part=part if settings.crop else None,
        corners=tuple(float(settings.perspective * share) for share in random.random(8)),
        mirrored=chance(settings.flip),
        upside_down=chance(settings.vertical_flip),
        zoom=_between(*settings.zoom, random),
        shear=(upto(settings.shear), upto(settings.shear)),
        angle=upto(settings.rotation),
        shift=(upto(settings.shift), upto(settings.shift)),
        lens=upto(settings.lens),
        brightness=1 + upto(settings.brightness),
        contrast=1 + upto(settings.contrast),
        saturation=(1 + upto(settings.saturation)) * (not chance(settings.gray)),
        hue=upto(settings.hue),
        blur=float(random.uniform(0.1, 2.0)) * chance(settings.blur),
    )
    erased = _part(_ERASED_AREA, _ERASED_RATIO, random)
    if chance(settings.erase):
        view = replace(view, erased=erased)
    changed = _trivially(view, random)
    view = changed if chance(settings.trivial) else view
    return replace(view, transposed=chance(settings.transpose))


def describe(view: View) -> str:
    """What was drawn, in a few words; empty when nothing was."""
    words = [
        f"crop {view.part.area:.0%}" if view.part else "",
        "corners" if any(view.corners) else "",
        "mirrored" if view.mirrored else "",
        "upside down" if view.upside_down else "",
        "transposed" if view.transposed else "",
        f"x{view.zoom:.2f}" if view.zoom != 1 else "",
        "shear " + " ".join(f"{angle:+.0f}" for angle in view.shear) if any(view.shear) else "",
        f"turn {view.angle:+.0f}" if view.angle else "",
        "shift " + " ".join(f"{s:+.0%}" for s in view.shift) if any(view.shift) else "",
        f"lens {view.lens:+.2f}" if view.lens else "",
        f"light {view.brightness:.2f}" if view.brightness != 1 else "",
        f"contrast {view.contrast:.2f}" if view.contrast != 1 else "",
        f"colour {view.saturation:.2f}" if view.saturation != 1 else "",
        f"hue {view.hue:+.2f}" if view.hue else "",
        view.operation[0] if view.operation else "",
        f"blur {view.blur:.1f}" if view.blur else "",
        "erased" if view.erased else "",
    ]
    return ", ".join(word for word in words if word)


def _part(area: Pair, stretch: float, random: np.random.Generator) -> Part:
    ratio = math.exp(math.log(stretch) * random.uniform(-1, 1))
    return Part(_between(*area, random), ratio, float(random.random()), float(random.random()))


def _between(low: float, high: float, random: np.random.Generator) -> float:
    return float(random.uniform(low, high))


def _trivially(view: View, random: np.random.Generator) -> View:
    """One change of random kind and strength more."""
    name = list(TRIVIAL)[int(random.random() * len(TRIVIAL))]
    strongest, signed = TRIVIAL[name]
    strength = strongest * int(random.random() * _STRENGTHS) / (_STRENGTHS - 1)
    if random.random() < 0.5 and signed:
        strength = -strength
    # Geometry and linear colours join what is there: no second resample, no second rounding.
    (across, down), (right, below) = view.shear, view.shift
    sheared = math.degrees(math.atan(strength))
    joined: dict[str, dict[str, Any]] = {
        "identity": {},
        "shear x": {"shear": (across + sheared, down)},
        "shear y": {"shear": (across, down + sheared)},
        "shift x": {"shift": (right + strength, below)},
        "shift y": {"shift": (right, below + strength)},
        "rotate": {"angle": view.angle + strength},
        "brightness": {"brightness": view.brightness * (1 + strength)},
        "saturation": {"saturation": view.saturation * (1 + strength)},
        "contrast": {"contrast": view.contrast * (1 + strength)},
    }
    return replace(view, **joined.get(name, {"operation": (name, strength)}))
