"""A network so small that every gate vector can be tried: exact expected loss, exact gradients (docs/theory.md 4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustprune.analysis.theory.vertices import gate_vectors, slopes

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Weights of a ReLU network with one hidden layer: w [hidden, inputs], b, v [classes, hidden], d."""

    w: Values
    b: Values
    v: Values
    d: Values

    @classmethod
    def drawn(cls, inputs: int, hidden: int, classes: int, seed: int) -> "Weights":
        """Draw He-normal weights and zero biases."""
        random = np.random.default_rng(seed)
        w = random.normal(size=(hidden, inputs)) * np.sqrt(2 / inputs)
        v = random.normal(size=(classes, hidden)) * np.sqrt(2 / hidden)
        return cls(w, np.zeros(hidden), v, np.zeros(classes))

    def stepped(self, gradient: "Weights", rate: float, decay: float) -> "Weights":
        """Return the weights after one step of gradient descent with an L2 penalty (decay / 2) ||.||^2."""
        own, theirs = vars(self), vars(gradient)
        return Weights(**{name: own[name] - rate * (theirs[name] + decay * own[name]) for name in own})


@dataclass(frozen=True)
class TinyNetwork:
    """Gated inputs and gated hidden units; gates multiply a hidden unit after its activation.

    examples [examples, inputs]; labels [examples], from 0. The gates are those of the inputs, then of the hidden units.
    """

    examples: Values
    labels: NDArray[np.int64]

    def _forward(self, weights: Weights) -> tuple[Values, Values, Values, Values, Values]:
        """Return, for all gate vectors [vectors]: gated inputs, hidden gates, activations, gated units, log-softmax."""
        inputs, hidden = weights.w.shape[::-1]
        gates = gate_vectors(inputs + hidden)
        x = self.examples * gates[:, None, :inputs]
        opened = gates[:, None, inputs:].astype(float)
        active = np.maximum(x @ weights.w.T + weights.b, 0)
        units = active * opened
        scores = units @ weights.v.T + weights.d
        top = scores.max(axis=-1, keepdims=True)
        return x, opened, active, units, scores - top - np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))

    def losses(self, weights: Weights) -> Values:
        """Return the mean cross-entropy of every gate vector as a table [2, ..., 2]."""
        found = self._forward(weights)[-1]
        own = np.take_along_axis(found, self.labels[None, :, None], axis=-1)
        return -own.mean(axis=(1, 2)).reshape((2,) * sum(weights.w.shape))

    def gradient(self, weights: Weights, theta: ArrayLike) -> Weights:
        """Return the exact gradient of the expected loss in the weights, gates being Bernoulli(theta) per example."""
        x, opened, active, units, found = self._forward(weights)
        gates = gate_vectors(sum(weights.w.shape))
        chance = np.where(gates == 1, theta, 1 - np.asarray(theta, dtype=float)).prod(axis=-1)
        error = np.exp(found) - np.eye(len(weights.d))[self.labels]
        error *= chance[:, None, None] / len(self.labels)
        before = (error @ weights.v) * opened * (active > 0)
        return Weights(_pairs(before, x), before.sum((0, 1)), _pairs(error, units), error.sum((0, 1)))

    def train(
        self,
        weights: Weights,
        theta: ArrayLike,
        prices: ArrayLike,
        rate: float,
        gate_rate: float,
        decay: float,
        steps: int,
    ) -> tuple[Weights, Values]:
        """Return weights and theta after projected gradient descent on both, with exact gradients and no noise.

        prices: c of every gate, or one number. Both gradients of a step are taken at the same point.
        """
        theta = np.asarray(theta, dtype=float)
        for _ in range(steps):
            slope = slopes(self.losses(weights), theta) + prices
            weights = weights.stepped(self.gradient(weights, theta), rate, decay)
            theta = np.clip(theta - gate_rate * slope, 0, 1)
        return weights, theta


def _pairs(first: Values, second: Values) -> Values:
    """Return the sum of products [a, b] over gate vectors and examples of [vectors, examples, a] and [..., b]."""
    return first.reshape(-1, first.shape[-1]).T @ second.reshape(-1, second.shape[-1])
