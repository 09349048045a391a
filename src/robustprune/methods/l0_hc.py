"""L0 regularisation with hard-concrete gates (Louizos, Welling and Kingma, ICLR 2018; docs/baselines.md section 1).

Objective: cross-entropy + (1/N) sum_l lambda_l |group| sum_j P(z_j != 0). Changed: the L2 on the weights is that of the
study instead of the paper's share inside the bracket. Weights are not averaged. The gate of a convolution multiplies
after bias, ReLU and pooling, which is the same function because the gate is not negative.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.freedom import check_every_slot
from robustprune.methods.parts.l0 import L0Settings, l0_prices, l0_start
from robustprune.methods.parts.phased import PhasedGates
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork

GAMMA, ZETA, BETA = -0.1, 1.1, 2 / 3
LIMIT = math.log(100)  # bound on |log alpha|
LOG_RATIO = BETA * math.log(-GAMMA / ZETA)
ALMOST_CLOSED = 0.1  # P(z != 0) below which a gate looks closed


class L0HCSettings(L0Settings):
    """Strength and form of the gates."""

    per_sample: bool = Field(False, description="one gate per example instead of one per mini-batch")


def probability_open(log_alpha: Tensor) -> Tensor:
    """Return P(z != 0)."""
    return torch.sigmoid(log_alpha - LOG_RATIO).clamp(1e-6, 1 - 1e-6)


def hard_concrete(log_alpha: Tensor, u: Tensor) -> Tensor:
    """Return gates in [0, 1] from uniform noise u."""
    s = torch.sigmoid((torch.logit(u) + log_alpha) / BETA)
    return (s * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def test_gate(log_alpha: Tensor) -> Tensor:
    """Return the deterministic gate, without division by beta."""
    return (torch.sigmoid(log_alpha) * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


class L0HardConcrete(PhasedGates[L0HCSettings]):
    """Hard-concrete gates with log alpha [R, n] per slot."""

    Settings = L0HCSettings

    def __init__(self, settings: L0HCSettings, context: Context):
        super().__init__(settings, context)
        for slot, noise in self.initial(0.0, 0.01).items():
            self.parameters[f"{slot}.log_alpha"] = noise + l0_start(slot)
        self.prices = l0_prices(context, settings, bias=True)

    @classmethod
    def check(cls, settings: L0HCSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        check_every_slot("l0_lambda", settings.l0_lambda, architecture, gated)

    def draw(self, batch: int) -> None:
        rows = batch if self.settings.per_sample else 1
        self.u = self.context.noise.uniform(self.sizes(), rows, self.context.dtype)

    def sampled(self, slot: str) -> Tensor:
        return hard_concrete(self.own(slot, "log_alpha").unsqueeze(1), self.u[slot])

    def settled(self, slot: str) -> Tensor:
        return test_gate(self.own(slot, "log_alpha"))

    def rank(self, slot: str) -> Tensor:
        return self.own(slot, "log_alpha")

    def cost(self, slot: str) -> Tensor:
        return self.prices[slot] * probability_open(self.own(slot, "log_alpha"))

    def closing(self, slot: str) -> Tensor:
        return probability_open(self.own(slot, "log_alpha").detach()) < ALMOST_CLOSED

    def constrain(self, network: StackedNetwork) -> None:
        for log_alpha in self.parameters.values():
            log_alpha.clamp_(-LIMIT, LIMIT)
