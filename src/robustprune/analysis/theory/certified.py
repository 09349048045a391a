"""Sets of weights and gates that are certain to be pruned, from bounds on the loss's gradient (docs/theory.md 6).

Both bounds are planar systems that dominate the gradient flow of a unit or a section. Each component's velocity rises
with the other component, so a solution of the flow that starts below one of the system stays below it (Kamke). The
system's saddle and the stable curve through it are known in closed form: what lies below the curve is pruned.

kappa: G X, a bound of the norm of the loss's gradient behind the gate times the mean norm of the inputs before it;
decay: L2, lambda; price: c; gate_rate: velocity of the gate over that of the weights, for equal slopes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lambertw

from robustprune.analysis.theory.flow import Path, projected_flow
from robustprune.errors import StudyError

Values = NDArray[np.float64]
NEAR = 1e-8
"""Up to this excess of r - ln r over 1 its roots are taken from their series around r = 1, the branch point of W."""


@dataclass(frozen=True)
class Bound:
    """The constants of a bound; raises StudyError unless kappa, price and gate_rate are positive and decay is not
    negative."""

    kappa: float
    decay: float
    price: float
    gate_rate: float = 1.0

    def __post_init__(self) -> None:
        positive = min(self.kappa, self.price, self.gate_rate) > 0
        if not (positive and self.decay >= 0):
            raise StudyError(f"{self}: kappa, price and gate_rate must be above 0, decay at least 0")


class UnitBound(Bound):
    """A unit, or a section in bottleneck form: |DL| <= kappa S, dS/dt <= 2 (theta kappa - decay) S.

    S = (|w|^2 + |v|^2) / 2 of incoming and outgoing weights.
    """

    @property
    def saddle(self) -> tuple[float, float]:
        """Theta and S at which the dominating system rests: the corner of the set A."""
        return self.decay / self.kappa, self.price / self.kappa

    def core(self, theta: ArrayLike, size: ArrayLike) -> NDArray[np.bool_]:
        """Is (theta, S) in A = {theta <= decay / kappa, S < price / kappa}? There S never grows and theta falls."""
        return (np.asarray(theta) <= self.saddle[0]) & (np.asarray(size) < self.saddle[1])

    def largest_size(self, theta: ArrayLike) -> Values:
        """Return the S below which a start with this theta is certain to be pruned.

        kappa S - c ln S - (kappa / gate_rate) (theta - decay / kappa)^2 is constant in the dominating system. With its
        value at the saddle and r = kappa S / c: r - ln r = 1 + kappa (theta - decay / kappa)^2 / (gate_rate c), r < 1
        where theta > decay / kappa and r > 1 below: the two real branches of Lambert's W. r > 700 is given as 700.
        """
        above = np.asarray(theta, dtype=float) - self.saddle[0]
        excess = self.kappa * above**2 / (self.gate_rate * self.price)
        argument = -np.exp(-1 - np.clip(excess, NEAR, 700))
        exact = np.where(above > 0, -lambertw(argument, 0).real, -lambertw(argument, -1).real)
        near = 1 - np.sign(above) * np.sqrt(2 * excess) + 2 * excess / 3
        return np.where(excess > NEAR, exact, near) * self.saddle[1]

    def extension(self, theta: ArrayLike, size: ArrayLike) -> NDArray[np.bool_]:
        """Is (theta, S) certain to be pruned? True in all of A, and outside it where the gate closes in time."""
        return np.asarray(size) < self.largest_size(theta)

    def closes_within(self, theta: ArrayLike, size: ArrayLike) -> Values:
        """Return the time after which theta is 0 for a start in A; NaN elsewhere."""
        theta, size = np.asarray(theta, dtype=float), np.asarray(size, dtype=float)
        inside = self.core(theta, size)
        return np.where(inside, theta / (self.gate_rate * np.where(inside, self.price - self.kappa * size, 1)), np.nan)

    def worst_case(self, theta: float, size: float, until: float) -> Path:
        """Solve the dominating system, all bounds being equalities; states are (S, theta)."""

        def velocity(state: Values) -> Values:
            size, theta = state
            growth = 2 * (theta * self.kappa - self.decay) * size
            return np.array([growth, self.gate_rate * (self.kappa * size - self.price)])

        return projected_flow(velocity, (size, theta), until)


class OneMatrixBound(Bound):
    """A section with one matrix V: |DL| <= kappa |V|, d|V|/dt <= theta kappa - decay |V|."""

    @property
    def saddle(self) -> tuple[float, float]:
        """Theta and |V| at which the dominating system rests."""
        return self.decay * self.price / self.kappa**2, self.price / self.kappa

    def core(self, theta: ArrayLike, norm: ArrayLike, within: float) -> NDArray[np.bool_]:
        """Is (theta, |V|) in A_w = {|V| <= w, theta <= decay w / kappa} for w = within?

        Raises StudyError unless w < price / kappa.
        """
        if not within < self.saddle[1]:
            raise StudyError(f"within: must be below price / kappa = {self.saddle[1]:g}, not {within:g}")
        return (np.asarray(norm) <= within) & (np.asarray(theta) <= self.decay * within / self.kappa)

    def largest_norm(self, theta: ArrayLike) -> Values:
        """Return the |V| below which a start with this theta is certain to be pruned; negative where none is.

        The dominating system is linear; the curve is the line through the saddle along the stable eigenvector.
        """
        eigenvalue = -(self.decay + np.sqrt(self.decay**2 + 4 * self.gate_rate * self.kappa**2)) / 2
        above = np.asarray(theta, dtype=float) - self.saddle[0]
        return self.saddle[1] + eigenvalue * above / (self.gate_rate * self.kappa)

    def extension(self, theta: ArrayLike, norm: ArrayLike) -> NDArray[np.bool_]:
        """Is (theta, |V|) certain to be pruned? True in every A_w, and outside them where the gate closes in time."""
        return np.asarray(norm) < self.largest_norm(theta)

    def worst_case(self, theta: float, norm: float, until: float) -> Path:
        """Solve the dominating system, all bounds being equalities; states are (|V|, theta)."""

        def velocity(state: Values) -> Values:
            norm, theta = state
            return np.array([theta * self.kappa - self.decay * norm, self.gate_rate * (self.kappa * norm - self.price)])

        return projected_flow(velocity, (norm, theta), until)
