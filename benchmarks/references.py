"""Measures how far named picture sets lie from a backbone's pretraining.

    python benchmarks/references.py FOLDER [--backbone NAME ...] [--ship]

FOLDER holds picture sets, one a folder; those of `REAL` that are not there are left out. The others
are drawn here: whoever runs this gets the same. Only numbers are kept: in `references.json` of the
cache folder, where `headstart` finds them for this backbone from then on, or with --ship in the
package itself.

Of a real set 256 pictures are drawn at random, as `headstart` does. The drawn sets are uniform and
far from pretraining: 64 of their pictures place them as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from headstart.backbones.backbone import Backbone
from headstart.backbones.loading import load_backbone
from headstart.backbones.statistics import picture_statistics, pretraining
from headstart.files import cache_folder, write_text
from headstart.strategy.distance import MEASURE, distance
from headstart.strategy.references import SHIPPED, TABLE

REAL_COUNT = 256
CHANGED_COUNT = 128
DRAWN_COUNT = 64
SIDE = 256
REAL = {
    "imagenet-1perclass": "ImageNet's own pictures",
    "hymenoptera": "ants and bees",
    "flowers5": "flowers",
    "cats-dogs": "cats and dogs",
    "weather4": "skies and weather",
    "brain-tumor": "brain MRI",
}
FORMATS = {".jpg", ".jpeg", ".png"}


def real_sets(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Sets of the folder, and the solar cells of PyPI's elpv-dataset where it is installed."""
    for name, words in REAL.items():
        if (folder / name).is_dir():
            yield words, drawn(folder / name)
    cells = importlib.util.find_spec("elpv_dataset")
    if cells is not None and cells.origin is not None:
        yield "solar cells", drawn(Path(cells.origin).parent / "data")


def drawn(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    order = np.random.default_rng(0).permutation(len(paths))[:REAL_COUNT]
    return [paths[index] for index in order]


Random = np.random.Generator


def noise(random: Random) -> Image.Image:
    """Independent pixels."""
    return picture(random.uniform(0, 1, (SIDE, SIDE, 3)))


def cloud(random: Random, decay: float) -> Image.Image:
    """Random waves whose amplitude falls with frequency: 1 falls as in photographs, 2 is smooth."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    frequency[0, 0] = 1
    strength = random.normal(size=(3, *frequency.shape)) / frequency**decay
    waves = strength * np.exp(2j * np.pi * random.uniform(size=(3, *frequency.shape)))
    light = np.fft.irfft2(waves, (SIDE, SIDE)).transpose(1, 2, 0)
    light = 0.5 + 0.22 * (light - light.mean()) / light.std()
    # Channels mostly alike, as in photographs.
    return picture(light @ (0.8 / 3 + 0.2 * np.eye(3)))


def stripes(random: Random) -> Image.Image:
    """Stripes or a checkerboard in two colours."""
    y, x = np.mgrid[:SIDE, :SIDE]
    angle, width = random.uniform(0, np.pi), random.uniform(4, 40)
    on = (np.cos(angle) * x + np.sin(angle) * y) // width % 2 == 0
    if random.random() < 0.5:
        on ^= (np.cos(angle) * y - np.sin(angle) * x) // width % 2 == 0
    return picture(np.where(on[:, :, None], random.uniform(size=3), random.uniform(size=3)))


def spots(random: Random) -> Image.Image:
    """Hundreds of overlapping discs of random size and colour: dead leaves."""
    image = Image.new("RGB", (SIDE, SIDE), colour(random))
    pen = ImageDraw.Draw(image)
    for _ in range(600):
        radius = 3 / random.uniform(0.05, 1)
        x, y = random.uniform(0, SIDE, 2)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour(random))
    return image


def shapes(random: Random) -> Image.Image:
    """A few flat shapes on white."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(random.integers(1, 5)):
        x, y = random.uniform(0, SIDE, 2)
        radius = random.uniform(20, 70)
        kind, box = random.integers(3), (x - radius, y - radius, x + radius, y + radius)
        if kind == 0:
            pen.ellipse(box, fill=colour(random))
        elif kind == 1:
            pen.rectangle(box, fill=colour(random))
        else:
            pen.regular_polygon((x, y, radius), 3, random.uniform(0, 360), fill=colour(random))
    return image


def shaded(random: Random) -> Image.Image:
    """Lit balls before a soft background."""
    light = np.asarray(cloud(random, 2.0), np.float64) / 255
    y, x = np.mgrid[:SIDE, :SIDE]
    for _ in range(random.integers(2, 6)):
        radius = random.uniform(20, 80)
        across, down = ((p - random.uniform(0, SIDE)) / radius for p in (x, y))
        height = np.sqrt(np.maximum(1 - across**2 - down**2, 0))
        lit = 0.15 + 0.85 * np.clip(0.5 * across - 0.5 * down + 0.7 * height, 0, 1)
        ball = lit[:, :, None] * random.uniform(0.1, 1, 3)
        light = np.where(height[:, :, None] > 0, ball, light)
    return picture(light + random.normal(0, 0.02, light.shape))


def glyphs(random: Random) -> Image.Image:
    """One black letter or digit on white."""
    return written(random, 1, (140, 220))


def page(random: Random) -> Image.Image:
    """Lines of black letters on white."""
    return written(random, 12, (14, 30))


def written(random: Random, lines: int, sizes: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    letters = list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    font = ImageFont.load_default(int(random.integers(*sizes)))
    for line in range(lines):
        text = "".join(random.choice(letters, 1 if lines == 1 else 30))
        pen.text((random.uniform(5, 60), SIDE * line / lines), text, "black", font)
    return image


def outlines(random: Random) -> Image.Image:
    """Thin black curves on white."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(random.integers(4, 12)):
        steps = random.normal(0, 14, (30, 2))
        points = np.cumsum(np.cumsum(steps, 0) * 0.2, 0) + random.uniform(40, SIDE - 40, 2)
        pen.line([tuple(point) for point in points], "black", int(random.integers(1, 5)))
    return image


def digits() -> list[Image.Image]:
    """scikit-learn's 8x8 digits, enlarged."""
    from sklearn.datasets import load_digits

    small = load_digits().images[np.random.default_rng(0).permutation(1797)[:DRAWN_COUNT]]
    return [picture(digit[:, :, None].repeat(3, 2) / 16).resize((SIDE, SIDE)) for digit in small]


def colour(random: Random) -> tuple[int, ...]:
    return tuple(random.integers(0, 256, 3).tolist())


def picture(light: np.ndarray) -> Image.Image:
    return Image.fromarray((255 * np.clip(light, 0, 1)).astype(np.uint8))


def changed_sets(folder: Path, photographs: list[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Photographs that lack something, to fill the way from photographs to drawings."""
    for name, change in CHANGED.items():
        images = [change(Image.open(path).convert("RGB")) for path in photographs[:CHANGED_COUNT]]
        yield name, saved(images, folder / name)


CHANGED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "gray photographs": lambda image: image.convert("L"),
    "photographs of 48 pixels": lambda image: ImageOps.fit(image, (48, 48)).resize((SIDE, SIDE)),
    "close-ups": lambda image: (
        ImageOps.fit(image, (SIDE, SIDE))
        .crop((80, 80, 176, 176))
        .resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    ),
}

DRAWN: dict[str, Callable[[Random], Image.Image]] = {
    "lit balls": shaded,
    "overlapping discs": spots,
    "colour clouds": lambda random: cloud(random, 1.0),
    "stripes and checks": stripes,
    "flat shapes": shapes,
    "single letters": glyphs,
    "printed pages": page,
    "line drawings": outlines,
    "pixel noise": noise,
}


def drawn_sets(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    for name, draw in DRAWN.items():
        random = np.random.default_rng(sum(name.encode()))
        yield name, saved([draw(random) for _ in range(DRAWN_COUNT)], folder / name)
    yield "handwritten digits", saved(digits(), folder / "digits")


def saved(images: list[Image.Image], folder: Path) -> list[Path]:
    folder.mkdir()
    for number, image in enumerate(images):
        image.save(folder / f"{number:03}.png")
    return sorted(folder.iterdir())


def measured(backbone: Backbone, words: str, paths: list[Path]) -> dict[str, Any]:
    source, statistics = pretraining(backbone), picture_statistics(backbone, paths)
    found = distance(statistics, source, 0) if source and statistics else None
    if found is None:
        raise SystemExit(f"{backbone.name} keeps nothing to hold pictures against")
    thirds = {third: round(value, 3) for third, value in found.thirds.items()}
    print(f"{backbone.name}  {words:26} {found.score:6.2f}  {thirds}", flush=True)
    return {"name": words, "score": round(found.score, 3), "thirds": thirds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", action="append", default=[])
    parser.add_argument("--ship", action="store_true")
    given = parser.parse_args()
    place = SHIPPED if given.ship else cache_folder() / TABLE
    table = json.loads(place.read_bytes()) if place.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        sets = dict(real_sets(given.folder))
        photographs = sets.get(REAL["imagenet-1perclass"], [])
        if photographs:
            sets |= changed_sets(Path(folder), photographs)
        sets |= drawn_sets(Path(folder))
        for name in given.backbone or ["efficientnet_lite0"]:
            backbone = load_backbone(name)
            entry = table.get(backbone.fingerprint)
            if entry is None or entry.get("measure") != MEASURE:
                entry = {"backbone": name, "measure": MEASURE, "sets": []}
                table[backbone.fingerprint] = entry
            # Sets that stand there are not measured again: a stopped run goes on.
            there = {row["name"] for row in entry["sets"]}
            for words in [words for words in sets if words not in there]:
                entry["sets"].append(measured(backbone, words, sets[words]))
                write_text(place, json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
