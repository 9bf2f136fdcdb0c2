"""A small neural network on rows of features: fully connected layers, trained by Adam."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from headstart.heads.spectrum import Integers
from headstart.layers import Affine, Array, Layer, Rectify, run, softmax
from headstart.randomness import generator

_MEAN_DECAY, _SQUARE_DECAY = 0.9, 0.999
# Numbers that a step works on at once: they stay in the processor's cache.
_BLOCK = 1 << 16
_FADED = np.float32(1e-30)


class Network:
    """Affine layers with a rectifier between them, and a softmax at the end.

    The weights are views of one vector, and so are their gradients: a step works in place.

    Args:
        widths: D, the width of each hidden layer, C.
        seed: Draws the first weights and what is dropped.
        dropout: Share of the hidden values that each step leaves out.

    Source:
        Kingma and Ba 2015, "Adam: a method for stochastic optimization", algorithm 1; Glorot and
        Bengio 2010, equation 16 (first weights); Srivastava et al. 2014 (dropout).
    """

    def __init__(self, widths: tuple[int, ...], seed: int, dropout: float = 0.0) -> None:
        self.shapes = [shape for pair in pairwise(widths) for shape in (pair, pair[1:])]
        size = sum(map(math.prod, self.shapes))
        self.values, self.slopes = np.zeros((2, size), np.float32)
        self.mean, self.square = np.zeros((2, size), np.float32)
        self.num_steps, self.dropout = 0, dropout
        self._dropping = generator(seed, "dropout")
        random = generator(seed, "weights")
        for weights in self.parts(self.values)[::2]:
            reach = np.sqrt(6 / sum(weights.shape))
            weights[:] = random.uniform(-reach, reach, weights.shape)

    def parts(self, vector: Array) -> list[Array]:
        """Weights [D, H] and bias [H] of each layer in turn, as views of a vector."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        parts = np.split(vector, ends)
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def layers(self) -> tuple[Layer, ...]:
        """What was learned so far, as a head holds it."""
        parts = [part.copy() for part in self.parts(self.values)]
        affine = [Affine(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        return (*(each for one in affine[:-1] for each in (one, Rectify())), affine[-1])

    def differentiate(self, x: Array, y: Integers, weight_decay: float = 0.0) -> None:
        """Set ``slopes`` to those of the mean log loss and the weight decay.

        Args:
            x: float32 [N, D].
            y: int [N], class indices.
            weight_decay: Half of it, times the squared length of the weights, is added.
        """
        parts, slopes = self.parts(self.values), self.parts(self.slopes)
        inputs = [x]
        for weights, bias in zip(parts[:-2:2], parts[1:-2:2], strict=True):
            inputs.append(self._dropped(np.maximum(inputs[-1] @ weights + bias, 0)))
        above = softmax(inputs[-1] @ parts[-2] + parts[-1])
        above[np.arange(len(y)), y] -= 1
        above /= len(y)
        for place in range(len(parts) - 2, -1, -2):
            below = inputs[place // 2]
            np.matmul(below.T, above, out=slopes[place])
            if weight_decay:
                slopes[place] += weight_decay * parts[place]
            slopes[place + 1][:] = above.sum(axis=0)
            if place:
                above = above @ parts[place].T
                above *= below > 0
                above /= np.float32(1 - self.dropout)

    def step(self, rate: float) -> None:
        """One step of Adam along ``slopes``, which it overwrites."""
        self.num_steps += 1
        # Both means start at 0, and count for more while they are young.
        young = math.sqrt(1 - _SQUARE_DECAY**self.num_steps)
        length = rate * young / (1 - _MEAN_DECAY**self.num_steps)
        scratch = np.empty(min(_BLOCK, len(self.values)), np.float32)
        for start in range(0, len(self.values), _BLOCK):
            block = slice(start, start + _BLOCK)
            self._step(block, length, scratch[: len(self.values[block])])

    def _step(self, block: slice, length: float, scratch: Array) -> None:
        slopes, mean, square = self.slopes[block], self.mean[block], self.square[block]
        np.multiply(slopes, slopes, out=scratch)
        _run_on(mean, slopes, _MEAN_DECAY)
        _run_on(square, scratch, _SQUARE_DECAY)
        np.sqrt(square, out=scratch)
        scratch += 1e-8
        np.divide(mean, scratch, out=scratch)
        scratch *= length
        self.values[block] -= scratch
        for numbers in (self.values[block], mean):
            # What has faded below the smallest normal number becomes 0: processors reckon with such
            # remains a hundred times as slowly, and weight decay makes ever more of them.
            numbers += _FADED
            numbers -= _FADED

    def _dropped(self, hidden: Array) -> Array:
        """Some values are left out, the others grow by as much: the sum is expected to stay."""
        if self.dropout:
            hidden *= self._dropping.random(hidden.shape, np.float32) >= self.dropout
            hidden /= np.float32(1 - self.dropout)
        return hidden


def batches(num_rows: int, size: int, epochs: int, seed: int) -> Iterator[list[Integers]]:
    """The rows of each batch, epoch by epoch, in an order drawn anew."""
    random = generator(seed, "batches")
    for _ in range(epochs):
        order = random.permutation(num_rows)
        yield [order[start : start + size] for start in range(0, num_rows, size)]


def loss_and_accuracy(layers: tuple[Layer, ...], x: Array, y: Integers) -> tuple[float, float]:
    """Mean log loss in nats, and the share of right answers."""
    probabilities = softmax(run(layers, x))
    own = probabilities[np.arange(len(y)), y]
    loss = float(-np.log(np.clip(own, 1e-7, 1)).mean()) + 0.0  # no minus before a 0
    return loss, float((probabilities.argmax(axis=1) == y).mean())


def _run_on(running: Array, value: Array, decay: float) -> None:
    """The running mean with one more value, which is overwritten."""
    value *= 1 - decay
    running *= decay
    running += value
