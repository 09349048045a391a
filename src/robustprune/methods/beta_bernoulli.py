"""Beta-Bernoulli dropout, its input-independent part (Lee et al. 2018; docs/baselines.md section 3c).

The posterior of pi is Kumaraswamy(a, b), its prior Beta(alpha/K, 1). The gate z is a relaxed Bernoulli(pi) variable per
example at temperature 0.1. Objective: E[cross-entropy] + (1/N) sum_l s_l KL. Units with E[pi] < 0.001 are pruned at the
start of the fine-tuning phase, in which z = E[pi]. Changed: pre-training and fine-tuning count inside the epochs. Gates
come after ReLU and pooling, which is the same function because they are not negative.
"""

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveFloat
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.freedom import check_every_slot
from robustprune.methods.parts.group_sizes import per_slot
from robustprune.methods.parts.phased import PhasedGates, PretrainedSettings
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork

EULER = 0.5772156649015329
TEMPERATURE = 0.1
LEAST_MEAN = 1e-3
A_START, B_START = -1.0, 0.5413


class BetaBernoulliSettings(PretrainedSettings):
    """Strength of the KL and parameter of the prior."""

    kl_scale: PositiveFloat | dict[str, PositiveFloat] = Field(
        1.0, description="factor on the KL, one for all slots or by slot"
    )
    alpha: float = Field(1e-4, gt=0, description="alpha / K of the prior")


def kl(a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Return KL(Kumaraswamy(a, b) || Beta(alpha, 1))."""
    return (1 - alpha / a) * (-EULER - torch.digamma(b) - 1 / b) + torch.log(a * b / alpha) - (b - 1) / b


def mean(a: Tensor, b: Tensor) -> Tensor:
    """Return E[pi] = b B(1 + 1/a, b); a and b must be float64, because 1/a reaches 1e4."""
    x = 1 + 1 / a
    return torch.exp(b.log() + torch.lgamma(x) + torch.lgamma(b) - torch.lgamma(x + b))


def sample(a: Tensor, b: Tensor, v: Tensor) -> Tensor:
    """Return pi = (1 - v^(1/b))^(1/a), clipped to [1e-8, 1 - 1e-6]."""
    inner = -torch.expm1(v.log() / b)
    return torch.exp(inner.clamp_min(1e-30).log() / a).clamp(1e-8, 1 - 1e-6)


class BetaBernoulli(PhasedGates[BetaBernoulliSettings]):
    """Relaxed Bernoulli gates with unconstrained a and b [R, n] per slot; softplus makes them positive."""

    Settings = BetaBernoulliSettings

    def __init__(self, settings: BetaBernoulliSettings, context: Context):
        super().__init__(settings, context)
        for name, start in (("a", A_START), ("b", B_START)):
            self.parameters |= self.filled(name, start)

    @classmethod
    def check(cls, settings: BetaBernoulliSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        check_every_slot("kl_scale", settings.kl_scale, architecture, gated)

    def shape(self, slot: str) -> tuple[Tensor, Tensor]:
        """Return a and b of the Kumaraswamy posterior in float64."""
        return F.softplus(self.own(slot, "a").double()), F.softplus(self.own(slot, "b").double())

    def draw(self, batch: int) -> None:
        noise, dtype = self.context.noise, self.context.dtype
        self.v, self.u = noise.uniform(self.sizes(), 1, torch.float64), noise.uniform(self.sizes(), batch, dtype)

    def sampled(self, slot: str) -> Tensor:
        a, b = (part.unsqueeze(1) for part in self.shape(slot))
        odds = torch.logit(sample(a, b, self.v[slot])).to(self.context.dtype)
        return torch.sigmoid((odds + torch.logit(self.u[slot])) / TEMPERATURE)

    def settled(self, slot: str) -> Tensor:
        expected = mean(*self.shape(slot))
        return torch.where(expected >= LEAST_MEAN, expected, 0).to(self.context.dtype)

    def rank(self, slot: str) -> Tensor:
        return mean(*self.shape(slot))

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0

    def cost(self, slot: str) -> Tensor:
        value = kl(*self.shape(slot), self.settings.alpha).to(self.context.dtype)
        return per_slot(self.settings.kl_scale, slot) / self.context.train_size * value

    def constrain(self, network: StackedNetwork) -> None:
        for slot in self.context.gated:
            self.own(slot, "a").clamp_(min=-10)
            self.own(slot, "b").clamp_(-10, 50)
