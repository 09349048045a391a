"""Spike-and-slab Gaussian node selection, SS-IG (Jantre, Bhattacharya and Maiti, arXiv 2108.11000; docs/baselines.md
section 8).

Objective: E[cross-entropy] + (scale/N) [sum_nodes KL(Bern(g) || Bern(lambda_l)) + sum_nodes g_j KL(weights into j) +
KL(weights of the last layer)]. Each hidden unit or filter has one inclusion variable for its incoming weights and bias.
Variables and weights are drawn once per mini-batch, with a straight-through Gumbel-softmax gradient. The prior
inclusion probability lambda_l adapts to the layer. The deterministic network keeps g > 1/2 with the mean weights.
Changed: ReLU replaces SiLU, so the mask may come after the activation. Weights and biases start as in the study.
Filters of LeNet-5 take the lambda of its hidden linear layer. Nodes with g < 0.05 at three consecutive ends of epochs
are removed. `kl_scale` and `prior_constant` are the strengths. No inputs are selected: track hidden only.
"""

import itertools
import math
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.freedom import in_ratio
from robustprune.methods.parts.gaussian_weights import like_weights
from robustprune.methods.parts.phased import PhasedGates, PhaseSettings
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.stacked import StackedNetwork

TEMPERATURE = 0.5
RHO_START = -6.0
T_START = math.log(0.99 / 0.01)
ALMOST_CLOSED = 0.05
LARGEST_T = 12.0


class SSIGSettings(PhaseSettings):
    """Strength of the KL, constant of the layer-adaptive prior, and slab."""

    kl_scale: float = Field(1.0, gt=0, description="factor on the KL; 1 is the paper's")
    prior_constant: float = Field(1e-9, ge=0, description="C of the prior inclusion probability")
    slab: float = Field(1.0, gt=0, description="standard deviation of the weights' prior")


def prior_inclusion(widths: list[int], examples: int, constant: float) -> list[float]:
    """Return log lambda_l of each hidden layer, lambda_l = exp(-C (k_l + 1) v_l) / k_{l+1}.

    widths: [k_0, ..., k_L, k_{L+1}], the layers' input widths and the number of classes.
    """
    hidden, log_n = len(widths) - 2, math.log(examples)
    pairs = list(itertools.pairwise(widths))
    u = [(hidden + 1) ** 2 * (log_n + math.log(hidden + 1) + math.log(k + 1) + math.log(after)) for k, after in pairs]
    logs = sum(math.log(k + 1) for k, _ in pairs)
    log_priors = []
    for k, after in pairs[:-1]:
        v = (k + 1) ** 2 + logs + hidden + math.log(after) + log_n + math.log(sum(u))
        log_priors.append(-math.log(after) - constant * (k + 1) * v)
    return log_priors


def bernoulli_kl(t: Tensor, log_prior: float) -> Tensor:
    """Return KL(Bern(sigmoid(t)) || Bern(prior)), stable in the logit."""
    log_rest = math.log(-math.expm1(log_prior))
    g = torch.sigmoid(t)
    return g * (F.logsigmoid(t) - log_prior) + (1 - g) * (F.logsigmoid(-t) - log_rest)


def slab_kl(mean: Tensor, sigma: Tensor, slab: float) -> Tensor:
    """Return KL(N(mean, sigma^2) || N(0, slab^2)) of each weight."""
    return math.log(slab) - sigma.log() + (sigma.square() + mean.square()) / (2 * slab**2) - 0.5


class _StraightThrough(torch.autograd.Function):
    """1[y > 1/2] in the forward pass, dz/dt = y (1 - y) / T in the backward pass."""

    @staticmethod
    def forward(ctx: Any, t: Tensor, u: Tensor) -> Tensor:
        y = torch.sigmoid((t + torch.logit(u)) / TEMPERATURE)
        ctx.slope = y * (1 - y) / TEMPERATURE
        return (y > 0.5).to(t.dtype)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        return upstream * ctx.slope, None


class SSIG(PhasedGates[SSIGSettings]):
    """Inclusion gates with logit t [R, n] per node; weights and biases with spread rho, sigma = softplus(rho)."""

    Settings = SSIGSettings
    chains_only = True

    def __init__(self, settings: SSIGSettings, context: Context):
        super().__init__(settings, context)
        self.parameters = self.filled("t", T_START)
        self.parameters |= {f"rho/{name}": start for name, start in like_weights(context, RHO_START).items()}
        self.log_prior = self._log_priors(context)
        shapes = context.architecture.shapes(context.units)
        for number, layer in enumerate(context.architecture.layers, 1):
            outputs, *inputs = shapes[f"{layer.name}.weight"]
            self.streams[layer.name] = context.noise.branch(number, {"weight": math.prod(inputs), "bias": 1}, outputs)

    @classmethod
    def check(cls, settings: SSIGSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        others = [slot.name for slot in architecture.slots if not slot.hidden and slot.name in gated]
        if others:
            raise StudyError(f"ss_ig selects units and filters only, not {', '.join(others)}; give it track: hidden")

    def _log_priors(self, context: Context) -> dict[str, float]:
        linear = [layer for layer in context.architecture.layers if layer.kernel == 1]
        widths = [context.units[layer.reads] for layer in linear if layer.reads] + [context.architecture.classes]
        log_priors = prior_inclusion(widths, context.train_size, self.settings.prior_constant)
        by_slot = {layer.writes: value for layer, value in zip(linear, log_priors, strict=False)}
        return {slot: by_slot.get(slot, log_priors[0]) for slot in context.gated}

    def draw(self, batch: int) -> None:
        if not self.sampling:
            return
        self.u = self.context.noise.uniform(self.sizes(), 1, self.context.dtype)
        self.eps, self.sigma = {}, {}
        for layer in self.context.architecture.layers:
            for name in ("weight", "bias"):
                self.sigma[f"{layer.name}.{name}"] = F.softplus(self.parameters[f"rho/{layer.name}.{name}"])
            shape = self.sigma[f"{layer.name}.weight"].shape
            sizes = {"weight": shape[2:].numel(), "bias": 1}
            self.eps[layer.name] = self.streams[layer.name].normal(sizes, shape[1], self.context.dtype)

    def sampled(self, slot: str) -> Tensor:
        z = _StraightThrough.apply(self.own(slot, "t").unsqueeze(1), self.u[slot])
        return z * self.valid(slot).unsqueeze(1)

    def _weights(self, layer: Layer, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mini-batch's weights and biases."""
        eps = self.eps[layer.name]
        noise, offset = self.sigma[f"{layer.name}.weight"], self.sigma[f"{layer.name}.bias"]
        return weight + noise * eps["weight"].view_as(weight), bias + offset * eps["bias"].squeeze(2)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        drawn = self._weights(layer, weight, bias) if self.sampling and bias is not None else (weight, bias)
        return super().linear(layer, h, *drawn)

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        drawn = self._weights(layer, weight, bias) if self.sampling and bias is not None else (weight, bias)
        return super().convolve(layer, h, *drawn)

    def settled(self, slot: str) -> Tensor:
        return (self.own(slot, "t") > 0).to(self.context.dtype)

    def rank(self, slot: str) -> Tensor:
        return self.own(slot, "t")

    def closing(self, slot: str) -> Tensor:
        return torch.sigmoid(self.own(slot, "t").detach()) < ALMOST_CLOSED

    def gates(self) -> dict[str, Tensor]:
        if self.phase(self.moment) == "settled":
            return super().gates()
        return {slot: torch.sigmoid(self.own(slot, "t").detach()) * self.valid(slot) for slot in self.context.gated}

    def final_gates(self) -> dict[str, Tensor]:
        return super().gates()

    def cost(self, slot: str) -> Tensor:
        kl = bernoulli_kl(self.own(slot, "t"), self.log_prior[slot])
        return self.settings.kl_scale / self.context.train_size * kl

    def network_cost(self, network: StackedNetwork) -> Tensor:
        """Return the KL of the weights [R], weighted by the probability of their node, in the units of cost."""
        total = torch.zeros_like(self.buffers["weight"])
        for layer in self.context.architecture.layers:
            per_node = self._weights_kl(network, layer)
            if layer.writes:
                per_node = per_node * torch.sigmoid(self.own(layer.writes, "t")) * self.valid(layer.writes)
                per_node = in_ratio(per_node, layer.writes, self.settings.ratios)
            total = total + per_node.sum(1)
        return self.settings.kl_scale / self.context.train_size * total

    def _weights_kl(self, network: StackedNetwork, layer: Layer) -> Tensor:
        """Return the KL of the weights and the bias of each node of a layer [R, out]."""
        names = (f"{layer.name}.weight", f"{layer.name}.bias")
        weight, bias = (slab_kl(network.parameters[name], self.sigma[name], self.settings.slab) for name in names)
        if layer.reads:
            valid = network.kept[layer.reads] >= 0
            weight = weight * valid.view(len(valid), 1, -1, *[1] * (weight.dim() - 3))
        return weight.flatten(2).sum(2) + bias

    def constrain(self, network: StackedNetwork) -> None:
        for slot in self.context.gated:
            self.own(slot, "t").clamp_(-LARGEST_T, LARGEST_T)
