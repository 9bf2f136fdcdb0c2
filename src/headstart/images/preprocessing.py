"""From a picture to the network's input: shorter side to ``resize``, centre ``size`` cut out.

Or, as Keras' networks were fed, the whole picture squeezed into the square.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.errors import SettingError
from headstart.images.decode import RESAMPLING, Picture

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """How a backbone wants its pictures.

    Args:
        size: Height and width of the network's input, in pixels.
        resize: The shorter side becomes this long before the crop. Where it is less than
            ``size`` the rest is black.
        interpolation: ``"bicubic"`` or ``"bilinear"``, both with antialiasing.
        mean: Of each channel, on the scale 0 to 255. Applied inside the graph; here for the record.
        std: Likewise.
        crop: False: nothing is cut off; the whole picture is resized to ``size`` both ways.

    Raises:
        SettingError: A value that cannot be.

    Source:
        torchvision's ``Resize(resize, antialias=True)`` and ``CenterCrop(size)``: the same grid to
        the pixel.
    """

    size: int
    resize: int
    interpolation: str = "bicubic"
    _: KW_ONLY
    mean: Channels
    std: Channels
    crop: bool = True

    def __post_init__(self) -> None:
        _must_be_a_length("size", self.size)
        _must_be_a_length("resize", self.resize)
        if not isinstance(self.crop, bool) or (not self.crop and self.resize != self.size):
            raise _wrong("crop", self.crop, f"true, or false with resize {self.size} as well")
        if self.interpolation not in RESAMPLING:
            raise _wrong("interpolation", self.interpolation, f"one of {', '.join(RESAMPLING)}")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
                raise _wrong(name, numbers, "three finite numbers, one a channel")
        if min(self.std) <= 0:
            raise _wrong("std", self.std, "numbers above 0")

    @property
    def at_least(self) -> int:
        """How small `decode` may make the shorter side of a JPEG.

        Twice the size wanted: decoding to less changes the features visibly.
        """
        return 2 * self.resize

    def pixels(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The network's input: uint8 [size, size, 3], RGB."""
        if not self.crop:
            square = (self.size, self.size)
            return np.asarray(picture.image.resize(square, RESAMPLING[self.interpolation]))
        # The grid is that of the picture in the file, however far the decoder scaled it down.
        width, height = _resized(picture.width, picture.height, self.resize)
        shrink = _shrink(picture)
        left, right, x = _crop(width, self.size)
        top, bottom, y = _crop(height, self.size)
        across = picture.width / shrink / width
        down = picture.height / shrink / height
        # One resample of what the crop shows equals resizing everything and cropping after.
        seen = picture.image.resize(
            (right - left, bottom - top),
            RESAMPLING[self.interpolation],
            box=(left * across, top * down, right * across, bottom * down),
        )
        pixels = np.zeros((self.size, self.size, 3), dtype=np.uint8)
        pixels[y : y + seen.height, x : x + seen.width] = np.asarray(seen)
        return pixels

    def to_json(self) -> dict[str, Any]:
        """For a record in JSON."""
        record = asdict(self) | {"mean": list(self.mean), "std": list(self.std)}
        if self.crop:  # as it always was: equal records, equal fingerprints
            del record["crop"]
        return record

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Preprocessing:
        """What ``to_json`` wrote.

        Raises:
            SettingError: A value that cannot be, or a field missing or unknown.
        """
        try:
            mean, std = tuple(record["mean"]), tuple(record["std"])
            return cls(**{**record, "mean": mean, "std": std})
        except (KeyError, TypeError) as error:
            raise _wrong("preprocessing", record, "what Preprocessing.to_json gives") from error


def _resized(width: int, height: int, shorter: int) -> tuple[int, int]:
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _crop(length: int, size: int) -> tuple[int, int, int]:
    """Of one side: where the crop begins and ends in the picture, and where that lies in it."""
    if length < size:
        return 0, length, (size - length) // 2
    start = round((length - size) / 2)
    return start, start + size, 0


def _shrink(picture: Picture) -> int:
    """1, 2, 4 or 8: what the decoder divided the sides by, rounding the result up."""
    return round(max(picture.width, picture.height) / max(picture.image.size))


def _must_be_a_length(name: str, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _wrong(name, value, "a whole number of pixels, 1 or more")


def _wrong(name: str, value: object, expected: str) -> SettingError:
    return SettingError(f"{name} is {value!r}", expected, f"give another {name}")
