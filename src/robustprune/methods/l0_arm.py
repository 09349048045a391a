"""L0-ARM: binary gates with the augment-REINFORCE-merge gradient (Li and Ji, ECML 2019; docs/baselines.md section 2).

Objective: E_z[cross-entropy] + (1/N) sum_l lambda_l |group| sum_j pi_j, with z_j ~ Bernoulli(pi_j), pi = sigmoid(k
phi). Two passes with antithetic uniforms estimate the gradient of the expectation. They use one draw and one loss per
example, which is unbiased. Changed: as in l0_hc; phi is kept in [-1, 1]; the test gate is pi where pi >= 1/2, and 0
elsewhere.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, LossUnder
from robustprune.methods.parts.estimators import arm_gradient, spread
from robustprune.methods.parts.freedom import check_every_slot
from robustprune.methods.parts.l0 import L0Settings, l0_prices, l0_start
from robustprune.methods.parts.phased import PhasedGates
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import Gated, StackedNetwork

THRESHOLD, ALMOST_CLOSED = 0.5, 0.05


class L0ARMSettings(L0Settings):
    """Strength and steepness of the gates."""

    k: float = Field(7.0, gt=0, description="steepness: pi = sigmoid(k phi)")


class L0Arm(PhasedGates[L0ARMSettings]):
    """Binary gates with phi [R, n] per slot."""

    Settings = L0ARMSettings

    def __init__(self, settings: L0ARMSettings, context: Context):
        super().__init__(settings, context)
        for slot, noise in self.initial(0.0, 0.01 / settings.k).items():
            self.parameters[f"{slot}.phi"] = noise + l0_start(slot) / settings.k
        self.prices = l0_prices(context, settings, bias=False)

    @classmethod
    def check(cls, settings: L0ARMSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        check_every_slot("l0_lambda", settings.l0_lambda, architecture, gated)

    def pi(self, slot: str) -> Tensor:
        """Return the probability [R, n] that a gate is open."""
        return torch.sigmoid(self.settings.k * self.own(slot, "phi"))

    def draw(self, batch: int) -> None:
        self.u = self.context.noise.uniform(self.sizes(), batch, self.context.dtype)

    def sampled(self, slot: str) -> Tensor:
        return (self.u[slot] < self.pi(slot).detach().unsqueeze(1)).to(self.context.dtype)

    def antithetic(self, slot: str) -> Tensor:
        """Return the gates of the second pass."""
        return (self.u[slot] > 1 - self.pi(slot).unsqueeze(1)).to(self.context.dtype)

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        if not self.sampling:
            return
        f_b = self._antithetic_losses(loss)
        for slot in self.context.gated:
            gradient = self.own(slot, "phi").grad
            assert gradient is not None  # the penalty depends on phi
            gradient.add_(arm_gradient(losses, f_b, self.u[slot], self.settings.k))

    def _antithetic_losses(self, loss: LossUnder) -> Tensor:
        """Return the losses per example [R, B] of the second pass."""
        z = {slot: self.antithetic(slot) for slot in self.context.gated}
        return loss(Gated(lambda slot, h: h * spread(z[slot], h) if slot in z else h))

    def settled(self, slot: str) -> Tensor:
        pi = self.pi(slot)
        return torch.where(pi >= THRESHOLD, pi, 0)

    def rank(self, slot: str) -> Tensor:
        return self.pi(slot)

    def cost(self, slot: str) -> Tensor:
        return self.prices[slot] * self.pi(slot)

    def closing(self, slot: str) -> Tensor:
        return self.pi(slot).detach() < ALMOST_CLOSED

    def constrain(self, network: StackedNetwork) -> None:
        for phi in self.parameters.values():
            phi.clamp_(-1, 1)
