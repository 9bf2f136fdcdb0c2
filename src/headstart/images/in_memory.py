"""Pictures that are in memory already, as the bytes of a file: so they take the one road of all."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps

from headstart.errors import SettingError

# In which file a mode is kept as it is; what is in neither becomes RGB.
_FORMATS = {
    **dict.fromkeys(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "PNG"),
    **dict.fromkeys(("I", "I;16B", "F", "CMYK"), "TIFF"),
}
_TRANSPARENT = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA"}


def is_picture(thing: Any) -> bool:
    """Whether it is one picture in memory: a Pillow image, or an array of one's shape."""
    if isinstance(thing, np.ndarray):
        return thing.ndim == 2 or (thing.ndim == 3 and thing.shape[2] in (1, 3, 4))
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
        upright = PIL.ImageOps.exif_transpose(picture)
        if upright.mode not in _FORMATS:
            upright = upright.convert(_TRANSPARENT.get(upright.mode, "RGB"))
        upright.save(stream, _FORMATS[upright.mode], compress_level=1)
    except (OSError, ValueError, SyntaxError) as error:
        raise _no_picture(
            f"an image of mode {picture.mode} that cannot be read ({error})"
        ) from error
    return stream.getvalue()


def no_picture(thing: Any) -> SettingError:
    """Something else was given instead of a picture."""
    if isinstance(thing, np.ndarray):
        return _no_picture(f"an array of {thing.dtype} {list(thing.shape)}")
    return SettingError(
        f"an object of type {type(thing).__name__} is no picture",
        "a path, the bytes of a file, a Pillow image, or an array of uint8",
        "give one of these, or a list of them",
    )


def _image_of(array: np.ndarray[Any, Any]) -> PIL.Image.Image:
    if array.dtype != np.uint8 or not is_picture(array) or not array.size:
        raise no_picture(array)
    flat = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return PIL.Image.fromarray(np.ascontiguousarray(flat))


def _no_picture(what: str) -> SettingError:
    return SettingError(
        f"{what} is no picture",
        "a path, the bytes of a file, a Pillow image, or uint8 [H, W] or [H, W, 1, 3 or 4]",
        "(255 * array).astype('uint8') where it runs from 0 to 1; array.transpose(1, 2, 0) where "
        "channels come first; a list of arrays for several",
    )
