"""VIBNet: compression by the variational information bottleneck (Dai, Zhu, Guo and Wipf, ICML 2018; docs/baselines.md
section 6).

Objective: cross-entropy + kappa sum_l m_l sum_i (1/2) log(1 + mu_i^2 / sigma_i^2), with gates z = mu + sigma eps per
example. m_l is the side of a convolution's map, and 1 elsewhere. Units with mu^2 <= sigma^2 are pruned at the start of
the fine-tuning phase, in which z = mu. Changed: gates come after pooling; L2 acts on the weights only; log sigma^2 is
kept above -12.
"""

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.gaussian_gates import GaussianGates
from robustprune.methods.parts.phased import PretrainedSettings
from robustprune.networks.stacked import StackedNetwork

LEAST_LOG_VARIANCE = -12.0


class VIBSettings(PretrainedSettings):
    """Strength of the information penalty."""

    kappa: float = Field(gt=0, description="weight of the information penalty in nats of mean cross-entropy")


def information(mu: Tensor, log_variance: Tensor) -> Tensor:
    """Return (1/2) log(1 + mu^2 / sigma^2)."""
    return 0.5 * torch.log1p(mu.square() * torch.exp(-log_variance))


class VIB(GaussianGates[VIBSettings]):
    """Gaussian gates with the information penalty."""

    Settings = VIBSettings

    def __init__(self, settings: VIBSettings, context: Context):
        super().__init__(settings, context)
        self.map_side = {slot: self._side(slot) for slot in context.gated}

    def _side(self, slot: str) -> float:
        convolution = self.context.architecture.convolution(slot)
        return convolution.positions**0.5 if convolution else 1.0

    def settled(self, slot: str) -> Tensor:
        return torch.where(self.log_alpha(slot) < 0, self.own(slot, "mu"), 0)

    def rank(self, slot: str) -> Tensor:
        return -self.log_alpha(slot)

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0

    def cost(self, slot: str) -> Tensor:
        kl = information(self.own(slot, "mu"), self.own(slot, "log_variance"))
        return self.settings.kappa * self.map_side[slot] * kl

    def constrain(self, network: StackedNetwork) -> None:
        for slot in self.context.gated:
            self.own(slot, "log_variance").clamp_(min=LEAST_LOG_VARIANCE)
