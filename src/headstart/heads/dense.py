"""What tutorials put on a frozen network: dense layers, dropout, a softmax, trained by Adam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from headstart.heads.head import Head
from headstart.heads.network import Network, batches, loss_and_accuracy
from headstart.heads.spectrum import Integers, Rows
from headstart.layers import Array, Layer


@dataclass(frozen=True)
class Epoch:
    """How a training stands at the end of one epoch.

    Args:
        loss, accuracy: On the rows that it learns from; the loss in nats, nothing dropped.
        held_loss, held_accuracy: On the rows that were held out.
    """

    loss: float
    accuracy: float
    held_loss: float
    held_accuracy: float


class DenseHead(Head):
    """Dense layers on the features as they are, with Keras' defaults for everything not named.

    For two classes the softmax is the same model as one sigmoid output.

    Args:
        hidden: Width of the rectified hidden layer; 0: the softmax sees the features.
        dropout: Of the hidden layer.
        epochs: Times that it sees every row.
        batch_size: Rows a step.
        rate: Of Adam, all along.
        seed: Draws the first weights, the order of the rows and what is dropped.
    """

    def __init__(
        self,
        hidden: int = 256,
        dropout: float = 0.5,
        epochs: int = 100,
        batch_size: int = 32,
        rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.seed = seed

    def _fit(
        self, rows: Rows, y: Integers, num_classes: int, groups: Integers | None
    ) -> tuple[Layer, ...]:
        X = np.asarray(rows.X, dtype=np.float32)
        return self._train(X, y, num_classes)[0]

    def curve(self, X: Array, y: Integers, held: Array, held_y: Integers) -> tuple[Epoch, ...]:
        """Train anew, and look at rows that take no part after every epoch.

        Args:
            X: float32 [N, D].
            y: int [N], class indices; every one from 0 to the largest occurs.
            held: float32 [M, D].
            held_y: int [M].
        """
        with threadpool_limits(1):  # As `fit`: sums would depend on the number of threads.
            return self._train(X, y, int(y.max()) + 1, (held, held_y))[1]

    def _train(
        self,
        X: Array,
        y: Integers,
        num_classes: int,
        held: tuple[Array, Integers] | None = None,
    ) -> tuple[tuple[Layer, ...], tuple[Epoch, ...]]:
        widths = (X.shape[1], *([self.hidden] if self.hidden else []), num_classes)
        network = Network(widths, self.seed, self.dropout if self.hidden else 0.0)
        seen = []
        for epoch in batches(len(X), self.batch_size, self.epochs, self.seed):
            for batch in epoch:
                network.differentiate(X[batch], y[batch])
                network.step(self.rate)
            if held is not None:
                layers = network.layers()
                own, other = loss_and_accuracy(layers, X, y), loss_and_accuracy(layers, *held)
                seen.append(Epoch(*own, *other))
        return network.layers(), tuple(seen)


class SoftmaxLayerHead(DenseHead):
    """One dense softmax layer on the features as they are, trained by Adam.

    Args:
        epochs, batch_size, rate, seed: As for `DenseHead`.
    """

    def __init__(
        self, epochs: int = 100, batch_size: int = 32, rate: float = 1e-3, seed: int = 0
    ) -> None:
        super().__init__(0, 0.0, epochs, batch_size, rate, seed)
