"""Bernoulli gates xi ~ Bern(theta) per example and unit, with an estimate of DL from each step (docs/method.md 4)."""

from typing import Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, LossUnder, Method
from robustprune.methods.parts.estimators import COMBINE, LINEAR, EstimatedGate, EstimatedLinear, exact, spread
from robustprune.networks.architecture import Layer
from robustprune.networks.stacked import Gated, StackedNetwork
from robustprune.study.strict import Strict


class BernoulliGatesSettings(Strict):
    """Initial value of theta and estimator of DL."""

    estimator: Literal["first_order", "trapezoid", "fisher", "exact"] = "trapezoid"
    theta_start: float = Field(0.5, gt=0, lt=1)


B = TypeVar("B", bound=BernoulliGatesSettings)


class BernoulliGates(Method[B]):
    """Gates whose theta [R, all gates] lies side by side in one tensor, so that one small kernel updates all slots.

    Buffers [R, all gates]: theta; opened and closed, the sums of the last step that the estimator reads.
    """

    def __init__(self, settings: B, context: Context):
        super().__init__(settings, context)
        shape = (context.replicates, sum(context.units[slot] for slot in context.gated))
        theta = torch.full(shape, settings.theta_start, dtype=context.dtype, device=context.device)
        self.buffers = {"gated.theta": theta, "gated.opened": torch.zeros_like(theta)}
        self.buffers["gated.closed"] = torch.zeros_like(theta)
        self.xi: dict[str, Tensor] = {}

    @property
    def theta(self) -> Tensor:
        """Probability [R, all gates] that a gate is open."""
        return self.buffers["gated.theta"]

    def by_slot(self, tensor: Tensor) -> dict[str, Tensor]:
        """Return slot -> view [R, n] of a tensor [R, all gates]."""
        sizes = [self.places[slot] for slot in self.context.gated]
        return dict(zip(self.context.gated, tensor.split(sizes, 1), strict=True))

    def draw(self, batch: int) -> None:
        sizes = {slot: self.places[slot] for slot in self.context.gated}
        self.xi = self.context.noise.bernoulli(self.theta, sizes, batch)
        opened, closed = (self.by_slot(self.buffers[f"gated.{name}"]) for name in ("opened", "closed"))
        self.sums = {slot: (opened[slot], closed[slot]) for slot in opened}

    def gate(self, slot: str, h: Tensor) -> Tensor:
        if slot not in self.xi:
            return h
        xi = self.xi[slot]
        if self.settings.estimator == "exact" or not torch.is_grad_enabled():
            return h * spread(xi, h)
        theta = self.theta.detach().requires_grad_()  # its only use: backward reaches the gates of the input
        return EstimatedGate.apply(h, xi, theta, *self.sums[slot], self.settings.estimator not in LINEAR)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        slot = layer.reads
        if slot not in self.xi or self.settings.estimator not in LINEAR or not torch.is_grad_enabled():
            return super().linear(layer, h, weight, bias)
        return EstimatedLinear.apply(h, self.xi[slot], weight, bias, *self.sums[slot])

    def estimate(self, loss: LossUnder) -> Tensor:
        """Return the estimate of DL [R, all gates] from the last step."""
        if self.settings.estimator != "exact":
            opened, closed = self.buffers["gated.opened"], self.buffers["gated.closed"]
            return COMBINE[self.settings.estimator](opened, closed, self.theta)
        by_slot = exact(lambda xi: loss(Gated(lambda slot, h: h * spread(xi[slot], h) if slot in xi else h)), self.xi)
        return torch.cat([by_slot[slot] for slot in self.context.gated], 1)

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def gates(self) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def final_gates(self) -> dict[str, Tensor]:
        """Return the gates rounded: open where theta > 1/2."""
        return self.by_slot((self.theta > 0.5).to(self.theta.dtype))
