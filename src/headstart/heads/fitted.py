"""A head as it is used once it is fitted: layers and a temperature, no matter what fitted it."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.layers import Array, Layer, run, softmax


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A fitted head, or several as one.

    Args:
        layers_: Features to scores.
        temperature_: Probabilities are ``softmax(scores / temperature_)``.
    """

    layers_: tuple[Layer, ...]
    temperature_: float

    def predict_proba(self, X: Array) -> Array:
        """float32 [N, C] of features float32 [N, D]."""
        return softmax(run(self.layers_, X), self.temperature_)
