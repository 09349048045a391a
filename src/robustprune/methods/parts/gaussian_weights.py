"""Weights with independent Gaussian posteriors, shared by Bayesian compression and node selection.

The network's weights are the means. `parameters` holds a log variance (or another spread) of the same shape for each
weight and bias. Padded places have mean zero and closed gates, so the noise drawn for them has no effect.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from pydantic import Field
from torch import Tensor
from torch.autograd import Function

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.freedom import in_ratio
from robustprune.methods.parts.group_sizes import controlled_layer
from robustprune.methods.parts.phased import PhasedGates, PhaseSettings
from robustprune.networks.architecture import Layer
from robustprune.networks.noisy import noisy_convolve, noisy_convolve_image, noisy_linear
from robustprune.networks.stacked import StackedNetwork

LOG_VARIANCE_START = -9.0


class CompressionSettings(PhaseSettings):
    """Settings of Bayesian compression: the KL is warmed up, because it exceeds the cross-entropy at the start."""

    kl_scale: float = Field(1.0, gt=0, description="factor on the KL; 1 is the paper's")
    warm_up: float = Field(0.25, ge=0, lt=1)


K = TypeVar("K", bound=CompressionSettings)


def like_weights(context: Context, value: float) -> dict[str, Tensor]:
    """Return tensors of one value, "<layer>.weight" [R, out, in(, k, k)] and "<layer>.bias" [R, out]."""
    shapes = context.architecture.shapes(context.units)
    return {
        name: torch.full((context.replicates, *shape), value, dtype=context.dtype, device=context.device)
        for name, shape in shapes.items()
    }


class _KL(Function):
    @staticmethod
    def forward(ctx: Any, mean: Tensor, log_variance: Tensor, variance: Tensor) -> Tensor:
        ctx.save_for_backward(mean, variance)
        terms = variance.flatten(1).sum(1) - log_variance.flatten(1).sum(1) + mean.flatten(1).square().sum(1)
        return 0.5 * (terms - mean[0].numel())

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        mean, variance = ctx.saved_tensors
        upstream = upstream.view(-1, *[1] * (mean.dim() - 1))
        return mean * upstream, torch.addcmul(-0.5 * upstream, variance, 0.5 * upstream), None


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor, variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)) summed per replicate, tensors [R, ...] -> [R].

    variance is exp(log_variance), passed because the caller has computed it. mean and log_variance get the gradient.
    """
    return _KL.apply(mean, log_variance, variance)


class GaussianWeights(PhasedGates[K]):
    """Local reparameterisation (docs/baselines.md section 7.0): a layer samples its outputs instead of its weights.

    In a method's bases this class stands before a class of gates. slots: layer -> the slot whose gates control its
    weights, and whose ratio multiplies their KL.
    """

    second_products = True
    chains_only = True

    def __init__(self, settings: K, context: Context):
        super().__init__(settings, context)
        starts = like_weights(context, LOG_VARIANCE_START)
        self.parameters |= {f"log_variance/{name}": tensor for name, tensor in starts.items()}
        self.slots = {controlled_layer(context.architecture, slot).name: slot for slot in context.gated}
        self.streams["outputs"] = context.noise.branch(1, self._outputs(context.units))

    def _outputs(self, units: Mapping[str, int]) -> dict[str, int]:
        """Return layer -> number of outputs for one example, before pooling."""
        layers = self.context.architecture.layers
        classes = self.context.architecture.classes
        return {layer.name: (units[layer.writes] if layer.writes else classes) * layer.positions for layer in layers}

    def draw(self, batch: int) -> None:
        super().draw(batch)  # type: ignore[safe-super]  # the class of gates behind this one defines it
        if self.sampling:
            self.eps = self.streams["outputs"].normal(self._outputs(self.sizes()), batch, self.context.dtype)
            spreads = {name: tensor for name, tensor in self.parameters.items() if name.startswith("log_variance/")}
            self.variance = {name.removeprefix("log_variance/"): tensor.exp() for name, tensor in spreads.items()}

    def sampled(self, slot: str) -> Tensor:
        gate = super().sampled(slot)  # type: ignore[safe-super]  # the class of gates behind this one defines it
        return gate * self.valid(slot).unsqueeze(1)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not self.sampling or bias is None:
            return super().linear(layer, h, weight, bias)
        gated = self.gate(layer.reads, h) if layer.reads else h
        return noisy_linear(gated, weight, bias, *self._noise_of(layer))

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not self.sampling or bias is None:
            return super().convolve(layer, h, weight, bias)
        if layer.reads is None:
            return noisy_convolve_image(h, weight, bias, *self._noise_of(layer))
        return noisy_convolve(self.gate(layer.reads, h), weight, bias, *self._noise_of(layer))

    def _noise_of(self, layer: Layer) -> tuple[Tensor, Tensor, Tensor]:
        return self.variance[f"{layer.name}.weight"], self.variance[f"{layer.name}.bias"], self.eps[layer.name]

    def network_cost(self, network: StackedNetwork) -> Tensor:
        """Return the KL of all weights and biases from N(0, 1) [R], in the units of cost."""
        kl = torch.zeros_like(self.buffers["weight"])
        for name, variance in self.variance.items():
            log_variance = self.parameters[f"log_variance/{name}"]
            own = kl_from_standard_normal(network.parameters[name], log_variance, variance.detach())
            kl = kl + in_ratio(own, self.slots.get(name.partition(".")[0]), self.settings.ratios)
        return self.settings.kl_scale / self.context.train_size * kl
