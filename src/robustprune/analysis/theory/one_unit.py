"""Gradient flow of one gated unit and of one gated section: a scalar toy that can be solved (docs/theory.md 5).

The input is 1, the target k, the loss quadratic: L = (k - xi p)^2 / 2, with p = v relu(w) for a unit with incoming
weight w and outgoing weight v (a section in bottleneck form is the same) and p = relu(v) for a section with one
matrix. Then DL = p^2 / 2 - k p, and L1 = (k - p)^2 / 2 is the loss with the gate open.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from robustprune.analysis.theory.certified import OneMatrixBound, UnitBound
from robustprune.analysis.theory.flow import Path, projected_flow

Values = NDArray[np.float64]
DIAGONAL = np.pi / 4
"""Angle of equal weights w = v, which stay equal: w^2 - v^2 decays at rate 2 lambda."""


@dataclass(frozen=True)
class Toy:
    """Constants: target k > 0, L2 decay lambda > 0, price c, velocity of the gate over that of the weights."""

    target: float = 1.0
    decay: float = 0.2
    price: float = 0.05
    gate_rate: float = 1.0

    def push(self, product: float) -> float:
        """Return -(DL + c) times gate_rate for the open unit's output p: the gate's velocity without projection."""
        return self.gate_rate * (self.target * product - product**2 / 2 - self.price)

    def velocity(self, state: Values) -> Values:
        """Return d state / dt without projection; the last component is theta, the first the weight before the ReLU."""
        return self._alive(state) if state[0] > 0 else self._dead(state)

    def _alive(self, state: Values) -> Values:
        """Return the velocity as if the ReLU were the identity, so that it is smooth."""
        raise NotImplementedError

    def _dead(self, state: Values) -> Values:
        """Return the velocity behind a ReLU that is 0: the weights decay and the gate pays its price."""
        return np.append(-self.decay * state[:-1], self.push(0.0))

    def product(self, state: Values) -> float:
        """Return p, the open unit's output."""
        raise NotImplementedError

    @property
    def horizon(self) -> float:
        """A time after which all is at rest: ten times that of an idle gate to fall from 1 to 0, and 40 / lambda."""
        return 10 / (self.gate_rate * self.price) + 40 / self.decay

    def flow(self, start: ArrayLike, until: float | None = None) -> Path:
        """Solve from a start (weights, then theta) until this time; default: the horizon."""
        return projected_flow(self._alive, start, self.horizon if until is None else until, dead=self._dead)

    def pruned(self, start: ArrayLike) -> bool:
        """Does the flow from this start end with a closed gate? It is followed until that is certain."""
        return bool(projected_flow(self._alive, start, self.horizon, self._decided, self._dead).end[-1] == 0)

    def _decided(self, state: Values) -> bool:
        """Is the end known, given that the gate rests at 0 or 1?

        At 0 with p <= k, p is not worth its price and falls to 0. At 1 p is worth it and tends to kept_product. There
        the gate stays if that is worth it, too.
        """
        return self.kept_product > self.worth_its_price if state[-1] == 1 else self.product(state) <= self.target

    @property
    def kept_product(self) -> float:
        """The p to which an open unit's output tends."""
        raise NotImplementedError

    @property
    def worth_its_price(self) -> float:
        """The output p above which an open gate is worth its price; NaN where none is."""
        return self.target - np.sqrt(self.target**2 - 2 * self.price) if 2 * self.price < self.target**2 else np.nan


class Unit(Toy):
    """A unit; states are (w, v, theta)."""

    def product(self, state: Values) -> float:
        """Return v relu(w)."""
        return float(state[1] * max(state[0], 0.0))

    def _alive(self, state: Values) -> Values:
        w, v, theta = state.tolist()
        pull = theta * (self.target - w * v)
        return np.array([pull * v - self.decay * w, pull * w - self.decay * v, self.push(w * v)])

    @property
    def bound(self) -> UnitBound:
        """The certified sets: kappa = k + s bounds the loss's gradient where S <= s, the largest S certified at all."""
        return UnitBound(
            _kappa(lambda kappa: UnitBound(kappa, *self._constants).largest_size(0.0), self.target), *self._constants
        )

    @property
    def _constants(self) -> tuple[float, float, float]:
        return self.decay, self.price, self.gate_rate

    @property
    def saddle(self) -> tuple[float, float]:
        """The weight norm and theta of the point of rest between pruned and kept, at w = v; NaN where none is."""
        product = self.worth_its_price
        return float(np.sqrt(2 * product)), float(self.decay / (self.target - product))

    @property
    def kept_product(self) -> float:
        """The p to which an open unit's output tends: k - lambda, with w = v."""
        return self.target - self.decay

    @property
    def kept(self) -> tuple[float, float]:
        """The weight norm and theta of the solution that keeps the unit: w^2 = v^2 = k - lambda, theta = 1."""
        return float(np.sqrt(2 * self.kept_product)), 1.0

    def start(self, norm: float, theta: float, angle: float = DIAGONAL) -> Values:
        """Return the state with weights of this norm, sqrt(2 S), in this direction."""
        return np.array([norm * np.cos(angle), norm * np.sin(angle), theta])

    def basin_boundary(self, thetas: Iterable[float], angle: float = DIAGONAL, tolerance: float = 1e-4) -> Values:
        """Return, for each theta, the weight norm at which pruned starts end, by bisection up to that of `kept`.

        NaN where the start with the norm of `kept` is pruned, too: there is no boundary.
        """
        return np.array([self._boundary(theta, angle, tolerance) for theta in thetas])

    def _boundary(self, theta: float, angle: float, tolerance: float) -> float:
        low, high = 0.0, self.kept[0]
        if self.pruned(self.start(high, theta, angle)):
            return np.nan
        while high - low > tolerance:
            middle = (low + high) / 2
            low, high = (middle, high) if self.pruned(self.start(middle, theta, angle)) else (low, middle)
        return (low + high) / 2


class OneMatrixSection(Toy):
    """A section with one matrix; states are (v, theta)."""

    def product(self, state: Values) -> float:
        """Return relu(v)."""
        return max(float(state[0]), 0.0)

    def _alive(self, state: Values) -> Values:
        v, theta = state.tolist()
        return np.array([theta * (self.target - v) - self.decay * v, self.push(v)])

    @property
    def kept_product(self) -> float:
        """The p to which an open section's output tends: k / (1 + lambda)."""
        return self.target / (1 + self.decay)

    @property
    def bound(self) -> OneMatrixBound:
        """The certified sets: kappa = k + s bounds the loss's gradient where |v| <= s, the largest certified at all."""
        constants = self.decay, self.price, self.gate_rate
        return OneMatrixBound(
            _kappa(lambda kappa: OneMatrixBound(kappa, *constants).largest_norm(0.0), self.target), *constants
        )


def _kappa(largest: Callable[[float], Values], target: float) -> float:
    """Return the kappa with kappa = target + largest(kappa); largest falls as kappa rises."""
    return float(brentq(lambda kappa: kappa - target - largest(kappa), target, target + float(largest(target))))
