"""Bayesian compression with the group normal-Jeffreys prior, BC-GNJ (Louizos, Ullrich and Welling, NIPS 2017;
docs/baselines.md section 7.1).

Objective: E[cross-entropy] + (scale beta_t / N) [sum_gates k(log alpha) + KL(weights)], with gates z = mu + sigma eps
per example and weights N(M, V) against N(0, 1) by local reparameterisation. k approximates the KL from p(z) ~ 1/|z|.
Gates with log alpha = log(sigma^2 / mu^2) >= `threshold` are pruned, during training after three such epochs. Changed:
one threshold replaces one per layer chosen by hand. The gate of a convolution comes after bias, ReLU and pooling (the
paper's before ReLU: a different function only where a sampled gate is negative). Means start as in the study, log
variances at exactly -9. `kl_scale` is the strength.
"""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.gaussian_gates import GaussianGates
from robustprune.methods.parts.gaussian_weights import CompressionSettings, GaussianWeights

K1, K2, K3 = 0.63576, 1.87320, 1.48695


class BCGNJSettings(CompressionSettings):
    """Strength and pruning threshold."""

    threshold: float = Field(3.0, description="pruned where log(sigma^2 / mu^2) of the gate is at least this")


def kl(log_alpha: Tensor) -> Tensor:
    """Return k(log alpha), the KL from the normal-Jeffreys prior up to a constant: 0 for pure noise."""
    return K1 - K1 * torch.sigmoid(K2 + K3 * log_alpha) + 0.5 * F.softplus(-log_alpha)


class BCGNJ(GaussianWeights[BCGNJSettings], GaussianGates[BCGNJSettings]):
    """Gaussian gates and Gaussian weights."""

    Settings = BCGNJSettings

    def pruned(self, slot: str) -> Tensor:
        """Return which gates [R, n] reach the noise threshold."""
        return self.log_alpha(slot).detach() >= self.settings.threshold

    def settled(self, slot: str) -> Tensor:
        return torch.where(self.pruned(slot), 0, self.own(slot, "mu"))

    def rank(self, slot: str) -> Tensor:
        return -self.log_alpha(slot)

    def closing(self, slot: str) -> Tensor:
        return self.pruned(slot)

    def cost(self, slot: str) -> Tensor:
        return self.settings.kl_scale / self.context.train_size * kl(self.log_alpha(slot))
