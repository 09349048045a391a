"""Learned Gaussian multiplicative noise: gates z = mu + sigma eps with eps standard normal per example and unit."""

import torch
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.phased import P, PhasedGates

SMALL = 1e-8


class GaussianGates(PhasedGates[P]):
    """Gates with mu and log sigma^2 [R, n] per slot, initialised from N(1, 0.01^2) and N(-9, 0.01^2)."""

    def __init__(self, settings: P, context: Context):
        super().__init__(settings, context)
        for name, mean in (("mu", 1.0), ("log_variance", -9.0)):
            self.parameters |= {f"{slot}.{name}": start for slot, start in self.initial(mean, 0.01).items()}

    def draw(self, batch: int) -> None:
        self.gate_eps = self.context.noise.normal(self.sizes(), batch, self.context.dtype)

    def sampled(self, slot: str) -> Tensor:
        deviation = torch.exp(0.5 * self.own(slot, "log_variance"))
        return self.own(slot, "mu").unsqueeze(1) + deviation.unsqueeze(1) * self.gate_eps[slot]

    def log_alpha(self, slot: str) -> Tensor:
        """Return log(sigma^2 / mu^2) [R, n], the noise-to-signal ratio of each gate."""
        return self.own(slot, "log_variance") - torch.log(self.own(slot, "mu").square() + SMALL)
