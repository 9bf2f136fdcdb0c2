"""Pictures to measure speed on, made from real ones: as large, or as many, as is asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image


def enlarged(sources: list[Path], folder: Path, size: tuple[int, int], count: int) -> list[str]:
    """JPEGs of one size, with a sensor's noise on them, in two class folders."""
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        image = Image.open(sources[number % len(sources)]).convert("RGB")
        pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.int16)
        noise = random.integers(-4, 5, (*pixels.shape[:2], 1), dtype=np.int16)
        file = folder / "ab"[number % 2] / f"{number:05}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(file, quality=85)
        files.append(str(file))
    return files


def small(sources: list[Path], folder: Path, counts: tuple[int, ...]) -> Iterator[Path]:
    """A folder that grows to each count in turn: small JPEGs, every one of other bytes and parts.

    About 3 kB each: 100 000 take 0.4 GB.
    """
    random = np.random.default_rng(0)
    images = [Image.open(source).convert("RGB") for source in sources]
    for image in images:
        image.thumbnail((160, 160))
    done = 0
    for count in counts:
        for number in range(done, count):
            file = folder / "ab"[number % 2] / f"{number:06}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_part(images[number % len(images)], random) + number.to_bytes(4))
        done = count
        yield folder


def _part(image: Image.Image, random: np.random.Generator) -> bytes:
    share, x, y = random.uniform(0.4, 0.8), *random.uniform(size=2)
    width, height = (round(share * side) for side in image.size)
    left, top = round(x * (image.width - width)), round(y * (image.height - height))
    part = image.crop((left, top, left + width, top + height)).resize((72, 72))
    stream = io.BytesIO()
    part.rotate(random.uniform(-30, 30)).save(stream, "JPEG", quality=80)
    return stream.getvalue()
