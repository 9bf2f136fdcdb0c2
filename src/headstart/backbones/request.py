"""What a backbone is to be made of: asked for by `loading`, made by `building`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

AVERAGE = "average"
POOLINGS = {AVERAGE: "head", "max": "max", "flatten": "flat"}
"""How the final feature map becomes a vector, and the tap that holds it."""

PLAIN = "none"
TTA = {
    PLAIN: (0,),
    "mirror": (0, 1),
    "flips": (0, 1, 2, 3),
    "turns": (0, 1, 2, 3, 4, 5, 6, 7),
}
"""Test-time augmentation: the views of a picture whose features are averaged.

A view's lowest bit mirrors left and right, the next one top and bottom; before them the third one
exchanges rows and columns, so that quarter turns are among the views.
"""


@dataclass(frozen=True)
class Request:
    """What to build.

    Args:
        name: As the user wrote it.
        architecture: timm's name.
        weights: ``"hub"``, ``"random"``, or a file's path.
        source: Where the weights come from, in words.
        licence: None: what the weights' record says.
        mean, std: None: what the weights' record says.
        seed: For random weights.
        input_size: Side of the pictures in pixels; None: what the weights' record says.
        pooling: Keys of `POOLINGS`: the taps beside those that are always there.
        tta: A key of `TTA`.
        beside: A second network, whose features are put behind the first one's, tap by tap; it
            sees the same pixels.
    """

    name: str
    architecture: str
    weights: str
    source: str
    licence: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    seed: int = 0
    input_size: int | None = None
    pooling: tuple[str, ...] = (AVERAGE,)
    tta: str = PLAIN
    beside: Request | None = None

    @property
    def architectures(self) -> str:
        """Of all its networks."""
        return self.architecture + (f"+{self.beside.architecture}" if self.beside else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Request:
        """Read what `to_json` wrote."""
        tuples = {
            name: tuple(values[name]) if values[name] else None
            for name in ("mean", "std", "pooling")
        }
        beside = values["beside"]
        return cls(**{**values, **tuples, "beside": cls.from_json(beside) if beside else None})
