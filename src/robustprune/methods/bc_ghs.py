"""Bayesian compression with the group horseshoe prior, BC-GHS (Louizos, Ullrich and Welling, NIPS 2017;
docs/baselines.md section 7.2 to 7.5).

Objective: E[cross-entropy] + (scale beta_t / N) [KL(scales) + KL(weights)]. A gate is z = s t with half-Cauchy s (one
per slot, scale tau0) and t (one per unit, scale 1). Each square is a product of a Gamma and an inverse Gamma variable
with log-normal posteriors LN(m, v), so log z ~ N(m_z, v_z). Weights are as in bc_gnj. The test gate is E[z]. A gate is
pruned if the mode of z, exp(m_z - v_z), is below `threshold` times the largest mode of its slot, during training after
three such epochs. Changed: one threshold replaces the paper's thresholds by slot, read off histograms. s starts at 1:
its Gamma part at tau0^2, its inverse Gamma part at 1 / tau0^2 (at m = 0 the Gamma part alone would cost 1e10 nats). The
rest is as in bc_gnj.
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.freedom import in_ratio
from robustprune.methods.parts.gaussian_weights import LOG_VARIANCE_START, CompressionSettings, GaussianWeights
from robustprune.methods.parts.phased import PhasedGates
from robustprune.networks.stacked import StackedNetwork

LEAST_LOG_MEAN, MOST_LOG_MEAN = -60.0, 60.0
MOST_LOG_VARIANCE = 4.0
PARTS = ("gamma_mean", "gamma_log_variance", "inverse_mean", "inverse_log_variance")


class BCGHSSettings(CompressionSettings):
    """Strength, pruning threshold and the prior's scale."""

    threshold: float = Field(
        1e-3, gt=0, lt=1, description="pruned where a gate's mode is below this share of the slot's largest"
    )
    tau0: float = Field(1e-5, gt=0, description="scale of the half-Cauchy prior of a slot's shared scale s")


def kl_gamma(m: Tensor, log_v: Tensor, tau: float) -> Tensor:
    """Return KL(LN(m, v) || Gamma(1/2, scale tau^2))."""
    grown = torch.exp(m + 0.5 * log_v.exp() - 2 * math.log(tau))
    return math.log(tau) + grown - 0.5 * (m + log_v + 1 + math.log(2))


def kl_inverse_gamma(m: Tensor, log_v: Tensor) -> Tensor:
    """Return KL(LN(m, v) || InvGamma(1/2, 1)), which is that of 1/x from Gamma(1/2, 1)."""
    return kl_gamma(-m, log_v, 1.0)


class _HorseshoeGates(PhasedGates[BCGHSSettings]):
    """Gates with mean m and log variance of each logarithm: `gamma_*`, `inverse_*` [R, n] per unit, [R, 1] per slot."""

    def __init__(self, settings: BCGHSSettings, context: Context):
        super().__init__(settings, context)
        for name, start in (("mean", 0.0), ("log_variance", LOG_VARIANCE_START)):
            for part, sign in (("gamma", 1), ("inverse", -1)):
                own = self.filled(f"{part}_{name}", start)
                common = sign * 2 * math.log(settings.tau0) if name == "mean" else start
                shared = {
                    f"{part}_{name} {slot}": torch.full_like(own[f"{slot}.{part}_{name}"][:, :1], common)
                    for slot in context.gated
                }
                self.parameters |= own | shared

    def draw(self, batch: int) -> None:
        self.gate_eps = self.context.noise.normal(self.sizes(), batch, self.context.dtype)

    def unit_parts(self, slot: str) -> list[Tensor]:
        """Return (m, log v) of the Gamma part and of the inverse Gamma part of each unit, four tensors [R, n]."""
        return [self.own(slot, name) for name in PARTS]

    def slot_parts(self, slot: str) -> list[Tensor]:
        """Return the same of the scale that a slot shares, four tensors [R, 1]."""
        return [self.parameters[f"{name} {slot}"] for name in PARTS]

    def log_normal(self, slot: str) -> tuple[Tensor, Tensor]:
        """Return m_z and v_z [R, n] of log z."""
        (a, log_va, b, log_vb), (c, log_vc, d, log_vd) = self.unit_parts(slot), self.slot_parts(slot)
        variance = (log_va.exp() + log_vb.exp() + log_vc.exp() + log_vd.exp()) / 4
        return (a + b + c + d) / 2, variance

    def sampled(self, slot: str) -> Tensor:
        mean, variance = self.log_normal(slot)
        return torch.exp(mean.unsqueeze(1) + variance.sqrt().unsqueeze(1) * self.gate_eps[slot])

    def pruned(self, slot: str) -> Tensor:
        """Return which gates [R, n] have a mode below the threshold."""
        mean, variance = (part.detach() for part in self.log_normal(slot))
        mode = (mean - variance).masked_fill(~self.valid(slot), -torch.inf)
        return mode < mode.amax(1, keepdim=True) + math.log(self.settings.threshold)

    def settled(self, slot: str) -> Tensor:
        mean, variance = self.log_normal(slot)
        return torch.where(self.pruned(slot), 0, torch.exp(mean + 0.5 * variance))

    def rank(self, slot: str) -> Tensor:
        mean, variance = self.log_normal(slot)
        return mean - variance

    def closing(self, slot: str) -> Tensor:
        return self.pruned(slot)

    def cost(self, slot: str) -> Tensor:
        return self.settings.kl_scale / self.context.train_size * self._divergence(self.unit_parts(slot), 1.0)

    def _divergence(self, parts: list[Tensor], tau: float) -> Tensor:
        m_gamma, log_v_gamma, m_inverse, log_v_inverse = parts
        return kl_gamma(m_gamma, log_v_gamma, tau) + kl_inverse_gamma(m_inverse, log_v_inverse)

    def network_cost(self, network: StackedNetwork) -> Tensor:
        """Return the KL of the slots' shared scales [R]."""
        kl = torch.zeros_like(self.buffers["weight"])
        for slot in self.context.gated:
            shared = self._divergence(self.slot_parts(slot), self.settings.tau0).squeeze(1)
            kl = kl + in_ratio(shared, slot, self.settings.ratios)
        return self.settings.kl_scale / self.context.train_size * kl

    def constrain(self, network: StackedNetwork) -> None:
        for name, tensor in self.parameters.items():
            if "/" in name:
                continue
            if "log_variance" in name:
                tensor.clamp_(max=MOST_LOG_VARIANCE)
            else:
                tensor.clamp_(LEAST_LOG_MEAN, MOST_LOG_MEAN)


class BCGHS(GaussianWeights[BCGHSSettings], _HorseshoeGates):
    """Horseshoe gates and Gaussian weights."""

    Settings = BCGHSSettings

    def network_cost(self, network: StackedNetwork) -> Tensor:
        return super().network_cost(network) + _HorseshoeGates.network_cost(self, network)
