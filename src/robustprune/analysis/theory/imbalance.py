"""Imbalance of a linear network with two layers: conserved by gradient flow, and a bound on how fast the loss falls.

The network is W2 W1 x, the loss ||W2 W1 X - Y||^2 / (2 N). The imbalance is L = W1 W1^T - W2^T W2 [hidden, hidden].
With mu the smallest eigenvalue of X X^T / N and eigenvalues ordered from the largest,

    l(t) - l* <= (l(0) - l*) exp(-2 mu a t),    a = max(0, lambda_inputs(L)) + max(0, lambda_outputs(-L))

(docs/related.md 1; derived here, not the constants of arXiv 2105.06351).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from robustprune.errors import StudyError

Values = NDArray[np.float64]
FALL = 1e-6
"""The share of the excess loss at which the measured rate is read."""


def imbalance(first: ArrayLike, second: ArrayLike) -> Values:
    """Return W1 W1^T - W2^T W2 [hidden, hidden] of layers [hidden, inputs] and [outputs, hidden]."""
    w1, w2 = np.asarray(first, float), np.asarray(second, float)
    return w1 @ w1.T - w2.T @ w2


def least_product(matrix: ArrayLike, inputs: int, outputs: int) -> float:
    """Return a: at all times at least this much is the smallest eigenvalue of W1^T W1 plus that of W2 W2^T.

    matrix: the imbalance [hidden, hidden]. A term counts only where the layer has at least as many hidden units.
    """
    ascending = np.linalg.eigvalsh(matrix)
    hidden = len(ascending)
    first = ascending[hidden - inputs] if inputs <= hidden else 0.0
    second = -ascending[outputs - 1] if outputs <= hidden else 0.0
    return float(max(0, first) + max(0, second))


@dataclass(frozen=True)
class Moment:
    """Layers of the network at one time: first [hidden, inputs], second [outputs, hidden]."""

    first: Values
    second: Values

    @property
    def imbalance(self) -> Values:
        """The imbalance [hidden, hidden]."""
        return imbalance(self.first, self.second)

    @property
    def least_product(self) -> float:
        """a of this moment's imbalance."""
        return least_product(self.imbalance, self.first.shape[1], self.second.shape[0])


@dataclass(frozen=True)
class Regression:
    """The task of a linear network, and its gradient flow: inputs [d, N], targets [outputs, N], L2 decay of weights."""

    inputs: Values
    targets: Values
    decay: float = 0.0

    @property
    def smallest(self) -> float:
        """mu, the smallest eigenvalue of the inputs' second moments."""
        return float(np.linalg.eigvalsh(self.inputs @ self.inputs.T / self.inputs.shape[1])[0])

    @property
    def best(self) -> float:
        """The smallest loss of any linear map, which a network with enough hidden units reaches."""
        slopes = np.linalg.lstsq(self.inputs.T, self.targets.T, rcond=None)[0].T
        return self._loss_of(slopes)

    def loss(self, at: Moment) -> float:
        """Return the loss, without the L2 penalty."""
        return self._loss_of(at.second @ at.first)

    def _loss_of(self, slopes: Values) -> float:
        return float(((slopes @ self.inputs - self.targets) ** 2).sum() / (2 * self.inputs.shape[1]))

    def motion(self, at: Moment) -> Moment:
        """Return the velocities of both layers: minus the gradient, minus decay times the weights."""
        error = (at.second @ at.first @ self.inputs - self.targets) @ self.inputs.T / self.inputs.shape[1]
        return Moment(-at.second.T @ error - self.decay * at.first, -error @ at.first.T - self.decay * at.second)

    def flow(self, start: Moment, times: ArrayLike, until_loss: float = 0.0) -> tuple[Values, list[Moment]]:
        """Return the times and the moments of gradient flow; it ends before the last time at a loss of `until_loss`.

        The end is then the last of both. Raises StudyError where no finite solution is found.
        """
        shape, count = start.first.shape, start.first.size

        def unpacked(state: Values) -> Moment:
            return Moment(state[:count].reshape(shape), state[count:].reshape(start.second.shape))

        def velocity(_: float, state: Values) -> Values:
            motion = self.motion(unpacked(state))
            return np.concatenate([motion.first.ravel(), motion.second.ravel()])

        def reached(_: float, state: Values) -> float:
            return self.loss(unpacked(state)) - until_loss

        reached.terminal = True
        wanted = np.asarray(times, float)
        begun = np.concatenate([start.first.ravel(), start.second.ravel()])
        found = solve_ivp(
            velocity,
            (0.0, wanted[-1]),
            begun,
            t_eval=wanted,
            events=reached if until_loss else None,
            method="DOP853",
            rtol=1e-10,
            atol=1e-12,
        )
        if not (found.success and np.isfinite(found.y).all()):
            raise StudyError(f"gradient flow has no finite solution up to time {wanted[-1]:g}: {found.message}")
        ends = found.t_events[0] if until_loss else []
        states = [*found.y.T, *(found.y_events[0] if len(ends) else [])]
        return np.concatenate([found.t, ends]), [unpacked(state) for state in states]

    def bound(self, start: Moment, times: ArrayLike) -> Values:
        """Return the largest loss that the imbalance of a start allows at these times (without decay)."""
        fall = np.exp(-2 * self.smallest * start.least_product * np.asarray(times, float))
        return self.best + (self.loss(start) - self.best) * fall

    def measured_rate(self, start: Moment, longest: float = 1e3) -> float:
        """Return the mean rate at which the excess loss falls, until FALL of it is left or until `longest`."""
        free = replace(self, decay=0.0)
        excess = free.loss(start) - free.best
        times, moments = free.flow(start, (0.0, longest), free.best + FALL * excess)
        return float(-np.log((free.loss(moments[-1]) - free.best) / excess) / times[-1])


def drawn_starts(count: int, gains: tuple[float, float], inputs: int = 4, hidden: int = 12, outputs: int = 3):
    """Yield normal starts whose gain rises from the first to the second, by equal factors; the seed is the number."""
    for number, gain in enumerate(np.geomspace(*gains, count)):
        random = np.random.default_rng(number)
        first, second = random.normal(size=(hidden, inputs)), random.normal(size=(outputs, hidden))
        yield float(gain), Moment(0.8 * gain * first, 0.3 * gain * second)


def drawn_task(inputs: int = 4, examples: int = 64, outputs: int = 3, seed: int = 0) -> Regression:
    """Return a task with normal inputs and targets that a linear map of normal slopes gives."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(inputs, examples))
    return Regression(x, random.normal(size=(outputs, inputs)) @ x)
