"""Weights with independent Gaussian posteriors beside gates: what Bayesian compression and node selection share.

The network's weights are the means; `parameters` holds a spread of the same shape for each of them. Padded places
carry no mean, and their gates are kept closed, so whatever is drawn for them goes nowhere.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.autograd import Function

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.phased import PhasedGates
from robustprune.networks.architecture import Layer
from robustprune.networks.noisy import noisy_convolve, noisy_convolve_image, noisy_linear
from robustprune.networks.stacked import StackedNetwork

LOG_VARIANCE_START = -9.0


def like_weights(context: Context, value: float) -> dict[str, Tensor]:
    """The same start for every weight and bias: "<layer>.weight" [R, out, in(, k, k)] and "<layer>.bias" [R, out]."""
    shapes = context.architecture.shapes(context.units)
    return {
        name: torch.full((context.replicates, *shape), value, dtype=context.dtype, device=context.device)
        for name, shape in shapes.items()
    }


class _KL(Function):
    @staticmethod
    def forward(ctx, mean: Tensor, log_variance: Tensor, variance: Tensor) -> Tensor:
        ctx.save_for_backward(mean, variance)
        terms = variance.flatten(1).sum(1) - log_variance.flatten(1).sum(1) + mean.flatten(1).square().sum(1)
        return 0.5 * (terms - mean[0].numel())

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        mean, variance = ctx.saved_tensors
        upstream = upstream.view(-1, *[1] * (mean.dim() - 1))
        return mean * upstream, torch.addcmul(-0.5 * upstream, variance, 0.5 * upstream), None


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor, variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) summed per replicate: tensors [R, ...] -> [R]. variance = exp(log_variance),
    which is at hand; the gradient goes to mean and log_variance."""
    return _KL.apply(mean, log_variance, variance)


class GaussianWeights(PhasedGates):
    """Local reparameterisation (docs/baselines.md 7.0): each layer draws its outputs, not its weights. Comes before a
    class of gates in the bases of a method."""

    def __init__(self, settings, context: Context):
        super().__init__(settings, context)
        starts = like_weights(context, LOG_VARIANCE_START)
        self.parameters |= {f"log_variance/{name}": tensor for name, tensor in starts.items()}
        self.streams["outputs"] = context.noise.branch(1, self._outputs(context.units))

    def _outputs(self, units: Mapping[str, int]) -> dict[str, int]:
        """Numbers that each layer computes for one example, before pooling."""
        layers = self.context.architecture.layers
        counts = {
            layer.name: units[layer.writes] if layer.writes else self.context.architecture.classes for layer in layers
        }
        return {layer.name: counts[layer.name] * layer.positions for layer in layers}

    def draw(self, batch: int) -> None:
        super().draw(batch)
        if self.sampling:
            self.eps = self.streams["outputs"].normal(self._outputs(self.sizes()), batch, self.context.dtype)
            spreads = {name: tensor for name, tensor in self.parameters.items() if name.startswith("log_variance/")}
            self.variance = {name.removeprefix("log_variance/"): tensor.exp() for name, tensor in spreads.items()}

    def sampled(self, slot: str) -> Tensor:
        return super().sampled(slot) * self.valid(slot).unsqueeze(1)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if not self.sampling:
            return super().linear(layer, h, weight, bias)
        return noisy_linear(self.gate(layer.reads, h), weight, bias, *self._noise_of(layer))

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if not self.sampling:
            return super().convolve(layer, h, weight, bias)
        if layer.reads is None:
            return noisy_convolve_image(h, weight, bias, *self._noise_of(layer))
        return noisy_convolve(self.gate(layer.reads, h), weight, bias, *self._noise_of(layer))

    def _noise_of(self, layer: Layer) -> tuple[Tensor, Tensor, Tensor]:
        return self.variance[f"{layer.name}.weight"], self.variance[f"{layer.name}.bias"], self.eps[layer.name]

    def network_cost(self, network: StackedNetwork) -> Tensor:
        """KL of all weights and biases from N(0, 1) [R], in the units of cost."""
        parts = []
        for name, variance in self.variance.items():
            log_variance = self.parameters[f"log_variance/{name}"]
            parts.append(kl_from_standard_normal(network.parameters[name], log_variance, variance.detach()))
        return self.settings.kl_scale / self.context.train_size * sum(parts)
