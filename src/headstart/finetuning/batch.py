"""One batch with everything that its loss depends on, so that it can be computed in parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch, or a part of one.

    Args:
        x: float32 [B, ...], mixed already.
        labels: int64 [B], classes of the pictures.
        partners: int64 [B], classes of those mixed into them.
        share: Of the pictures themselves.
        kept: float32 [B, D], what dropout multiplies the features by.
        total: Sum of the weights of all labels in the whole batch (partners are the same ones in
            another order).
        length: Of the whole batch.
    """

    x: Tensor
    labels: Tensor
    partners: Tensor
    share: float
    kept: Tensor
    total: float
    length: float

    def part(self, rows: slice) -> Batch:
        """Some of its rows."""
        return replace(
            self,
            x=self.x[rows],
            labels=self.labels[rows],
            partners=self.partners[rows],
            kept=self.kept[rows],
        )

    def right(self, scores: Tensor) -> Tensor:
        """What these rows add to the share of right answers."""
        return (scores.argmax(1) == self.labels).sum() / self.length

    def loss(self, scores: Tensor, weight_of_class: Tensor | None, smoothing: float) -> Tensor:
        """What these rows add to the mean loss.

        Args:
            scores: float32 [B, C].
            weight_of_class: float32 [C]; None: all the same.
            smoothing: Share of the label spread over all classes.
        """

        def added(labels: Tensor) -> Tensor:
            losses: Tensor = nn.functional.cross_entropy(
                scores, labels, weight_of_class, reduction="sum", label_smoothing=smoothing
            )
            return losses

        loss = self.share * added(self.labels)
        if self.share < 1:
            loss = loss + (1 - self.share) * added(self.partners)
        return loss / self.total
