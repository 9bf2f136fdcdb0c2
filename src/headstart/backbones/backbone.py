"""A pretrained network as the rest of the road sees it: one graph file and its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.backbones.request import PLAIN
from headstart.images.preprocessing import Preprocessing


@dataclass(frozen=True)
class Tap:
    """A named depth at which pooled features are read.

    Args:
        name: ``"head"`` is the last one, what the network's own classifier saw; of a stage, as
            ``"stage5"``, every channel's mean over the positions, then its standard deviation.
        dim: Length of its feature vector, D.
    """

    name: str
    dim: int


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its last layer.

    Args:
        name: As the user wrote it.
        architecture: timm's name of the network.
        weights: Where they come from, in words.
        pretrained: False only when random weights were asked for.
        licence: Of the weights, as their record gives it.
        preprocessing: From the weights' own record.
        taps: In order of depth; the last is ``"head"``, but for a tuned network beside the frozen
            one (`model.beside`), whose last tap then follows as ``"tuned"``.
        fingerprint: Digest of architecture, weights and preprocessing: equal fingerprints mean
            equal features of the same view of a picture.
        graph: ONNX file: ``pixels`` uint8 [N, H, W, 3] to one float32 [N, D] output a tap, and
            ``logits`` [N, num_classes] where the weights hold a classifier.
        adjustments: What was changed in timm's network, so that it computes what the weights
            were trained in; none for timm's own weights.
        tta: The views of a picture that its features are the mean over, a key of `request.TTA`.
        precision: It is run with: ``"f32"`` or ``"bf16"`` (see `engine.Engine`).
    """

    name: str
    architecture: str
    weights: str
    pretrained: bool
    licence: str
    preprocessing: Preprocessing
    taps: tuple[Tap, ...]
    fingerprint: str
    graph: Path
    precision: str = "f32"
    adjustments: tuple[str, ...] = ()
    tta: str = PLAIN

    @property
    def tap_names(self) -> tuple[str, ...]:
        """Names of the taps, in order of depth."""
        return tuple(tap.name for tap in self.taps)

    def to_json(self) -> dict[str, Any]:
        """The record without the graph's place."""
        return {
            "name": self.name,
            "architecture": self.architecture,
            "weights": self.weights,
            "pretrained": self.pretrained,
            "licence": self.licence,
            "preprocessing": self.preprocessing.to_json(),
            "taps": [{"name": tap.name, "dim": tap.dim} for tap in self.taps],
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "adjustments": list(self.adjustments),
            "tta": self.tta,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any], graph: Path) -> Backbone:
        """The backbone that a record describes."""
        return cls(
            **{
                **record,
                "preprocessing": Preprocessing.from_json(record["preprocessing"]),
                "taps": tuple(Tap(**tap) for tap in record["taps"]),
                "adjustments": tuple(record.get("adjustments", ())),
            },
            graph=graph,
        )
