"""Small pictures that travel inside a page."""

from __future__ import annotations

import base64
import io

from headstart.images.decode import Image


def thumbnail(image: Image, side: int = 112) -> str:
    """A picture scaled down to fit a square of ``side`` pixels, as a ``data:`` address (JPEG)."""
    small = image.convert("RGB")  # A copy: the picture stays as it is.
    small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
