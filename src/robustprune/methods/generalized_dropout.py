"""Generalised dropout: keep probabilities trained with a Beta prior (Srinivas and Babu 2016; docs/baselines.md section
3a).

Objective: E_z[cross-entropy] - (1/N) sum_j [(a - 1) log theta_j + (b - 1) log(1 - theta_j)], z_j ~ Bernoulli(theta_j)
per example, straight-through gradient dz/dtheta = 1, theta projected to [0.001, 0.999]. The test gate is theta where
theta >= 1/2, else 0. Only the paper's abstract was read: the form of objective and estimator is this project's reading.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.phased import PhasedGates, PhaseSettings
from robustprune.networks.stacked import StackedNetwork

EDGE = 1e-3
THRESHOLD, ALMOST_CLOSED = 0.5, 0.05


class GeneralizedDropoutSettings(PhaseSettings):
    """Parameters of the Beta prior and initial value of theta."""

    a: float = Field(1.0, gt=0, description="Beta prior: below 1 pushes towards 0")
    b: float = Field(gt=0, description="Beta prior: above 1 pushes towards 0, below 1 towards 1")
    theta_start: float = Field(0.8, gt=EDGE, lt=1 - EDGE)


def negative_log_prior(theta: Tensor, a: float, b: float) -> Tensor:
    """Return -log Beta(theta; a, b) up to a constant."""
    return -(a - 1) * theta.log() - (b - 1) * torch.log1p(-theta)


class GeneralizedDropout(PhasedGates[GeneralizedDropoutSettings]):
    """Bernoulli gates with theta [R, n] per slot."""

    Settings = GeneralizedDropoutSettings
    layer_gates = True

    def __init__(self, settings: GeneralizedDropoutSettings, context: Context):
        super().__init__(settings, context)
        self.parameters = self.filled("theta", settings.theta_start)

    def draw(self, batch: int) -> None:
        theta = torch.cat([self.own(slot, "theta").detach() for slot in self.context.gated], 1)
        self.xi = self.context.noise.bernoulli(theta, self.sizes(), batch)

    def sampled(self, slot: str) -> Tensor:
        theta = self.own(slot, "theta")
        return self.xi[slot] + (theta - theta.detach()).unsqueeze(1)

    def settled(self, slot: str) -> Tensor:
        theta = self.own(slot, "theta")
        return torch.where(theta >= THRESHOLD, theta, 0)

    def rank(self, slot: str) -> Tensor:
        return self.own(slot, "theta")

    def cost(self, slot: str) -> Tensor:
        theta = self.own(slot, "theta").clamp(EDGE, 1 - EDGE)
        return negative_log_prior(theta, self.settings.a, self.settings.b) / self.context.train_size

    def closing(self, slot: str) -> Tensor:
        return self.own(slot, "theta").detach() < ALMOST_CLOSED

    def constrain(self, network: StackedNetwork) -> None:
        for theta in self.parameters.values():
            theta.clamp_(EDGE, 1 - EDGE)
