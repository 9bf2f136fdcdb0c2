"""Pictures that are in memory already, as the bytes of a file: so they take the one road of all."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps

from headstart.errors import SettingError


def is_picture(thing: Any) -> bool:
    """Whether it is one picture in memory: a Pillow image, or an array of one's shape."""
    if isinstance(thing, np.ndarray):
        return thing.ndim == 2 or (thing.ndim == 3 and thing.shape[2] in (3, 4))
    return isinstance(thing, PIL.Image.Image)


def as_bytes(picture: Any) -> bytes:
    """A lossless file of a Pillow image or an array.

    Args:
        picture: A Pillow image (turned as its EXIF says), or uint8 [H, W], [H, W, 3] or [H, W, 4].

    Raises:
        SettingError: It is neither.
    """
    if isinstance(picture, np.ndarray):
        picture = _image_of(picture)
    if not is_picture(picture):
        raise no_picture(picture)
    stream = io.BytesIO()
    try:
        PIL.ImageOps.exif_transpose(picture).save(stream, "PNG", compress_level=1)
    except OSError as error:
        raise _no_picture(f"an image of mode {picture.mode} ({error})") from error
    return stream.getvalue()


def no_picture(thing: Any) -> SettingError:
    """Something else was given instead of a picture."""
    return _no_picture(f"an object of type {type(thing).__name__}")


def _image_of(array: np.ndarray[Any, Any]) -> PIL.Image.Image:
    if array.dtype != np.uint8 or not is_picture(array) or not array.size:
        raise _no_picture(f"{array.dtype} of shape {list(array.shape)}")
    return PIL.Image.fromarray(np.ascontiguousarray(array))


def _no_picture(what: str) -> SettingError:
    return SettingError(
        f"{what} is no picture",
        "a path, the bytes of a file, a Pillow image, or uint8 [H, W], [H, W, 3] or [H, W, 4]",
        "of an array of other numbers: (255 * array).astype('uint8') where it runs from 0 to 1",
    )
