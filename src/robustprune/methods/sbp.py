"""Structured Bayesian pruning with truncated log-normal noise (Neklyudov et al., NIPS 2017; docs/baselines.md section
4).

Objective: E[cross-entropy] + (scale/N) sum KL(q(theta) || log-uniform), theta sampled per example and unit. At the
start of fine-tuning, in which theta = E[theta], units with signal-to-noise ratio <= 1 or E[theta] < 0.001 are pruned (a
gate at the left edge has a ratio above 1). Changed: noise comes after ReLU and pooling, so it multiplies the bias too.
Pre-training and fine-tuning count inside the epochs. `kl_scale` is the strength.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts import truncated
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.phased import PhasedGates, PretrainedSettings
from robustprune.networks.stacked import StackedNetwork

LEAST_MEAN = 1e-3
MU_RANGE, LOG_SIGMA_RANGE = (-20.0, 5.0), (-20.0, 5.0)


class SBPSettings(PretrainedSettings):
    """Strength of the KL."""

    kl_scale: float = Field(1.0, gt=0, description="factor on the KL; 1 is the paper's")


class SBP(PhasedGates[SBPSettings]):
    """Truncated log-normal gates with mu and log sigma [R, n] per slot."""

    Settings = SBPSettings

    def __init__(self, settings: SBPSettings, context: Context):
        super().__init__(settings, context)
        self.parameters = self.filled("mu", 0.0) | self.filled("log_sigma", -5.0)

    def posterior(self, slot: str) -> tuple[Tensor, Tensor]:
        """Return mu and sigma in float64."""
        return self.own(slot, "mu").double(), self.own(slot, "log_sigma").double().exp()

    def draw(self, batch: int) -> None:
        self.v = self.context.noise.uniform(self.sizes(), batch, self.context.dtype)

    def sampled(self, slot: str) -> Tensor:
        mu, sigma = self.own(slot, "mu"), self.own(slot, "log_sigma").exp()
        return truncated.sample(mu.unsqueeze(1), sigma.unsqueeze(1), self.v[slot])

    def pruned(self, slot: str) -> Tensor:
        """Return which gates [R, n] the criterion prunes."""
        return truncated.signal_to_noise(*self.posterior(slot)) <= 1

    def settled(self, slot: str) -> Tensor:
        mean = truncated.mean(*self.posterior(slot))
        return torch.where(self.pruned(slot) | (mean < LEAST_MEAN), 0, mean).to(self.context.dtype)

    def rank(self, slot: str) -> Tensor:
        return truncated.mean(*self.posterior(slot))

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0

    def cost(self, slot: str) -> Tensor:
        kl = truncated.kl(*self.posterior(slot)).to(self.context.dtype)
        return self.settings.kl_scale / self.context.train_size * kl

    def constrain(self, network: StackedNetwork) -> None:
        for slot in self.context.gated:
            self.own(slot, "mu").clamp_(*MU_RANGE)
            self.own(slot, "log_sigma").clamp_(*LOG_SIGMA_RANGE)
