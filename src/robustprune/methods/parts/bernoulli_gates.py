"""Bernoulli gates xi ~ Bern(theta) per unit, with an estimate of DL from each step (docs/method.md 1, 4 and 9)."""

from collections.abc import Hashable
from functools import partial
from typing import Literal, TypeVar

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.base import Context, LossUnder, Method
from robustprune.methods.parts.estimators import (
    COMBINE,
    LINEAR,
    EstimatedGate,
    EstimatedLinear,
    arm,
    exact,
    spread,
    with_less_noise,
)
from robustprune.methods.parts.flip import Gates, Tries, flip, passes, turns
from robustprune.methods.parts.moment import Moment
from robustprune.networks.architecture import Layer
from robustprune.networks.stacked import Gated, StackedNetwork
from robustprune.study.strict import Strict


class BernoulliGatesSettings(Strict):
    """How gates are drawn and when, and how DL is estimated."""

    estimator: Literal["first_order", "trapezoid", "trapezoid_normalized", "fisher", "arm", "exact"] = "trapezoid"
    estimator_layers: Literal["flip", "trapezoid"] = Field(
        "flip", description="of the gates of sections; flip: the loss with the gate flipped, one section per step"
    )
    theta_start: float = Field(0.5, gt=0, lt=1)
    average_over: float = Field(
        1.0, ge=1, description="steps of the exponential average of the estimates of DL; 1: no average"
    )
    gates_per: Literal["example", "batch"] = Field(
        "example", description="example: gates are drawn per training example; batch: its examples share one draw"
    )
    noise: float = Field(
        1.0, ge=0, le=1, description="level of the gate noise: training uses theta + noise (xi - theta) in place of xi"
    )
    pretrain: float = Field(0.0, ge=0, lt=1, description="first fraction of the epochs: open gates, theta at rest")
    noise_free_last: float = Field(
        0.0, ge=0, lt=1, description="last fraction of the epochs: gates rounded, closed units removed, theta at rest"
    )

    @model_validator(mode="after")
    def _gates(self) -> "BernoulliGatesSettings":
        if self.pretrain + self.noise_free_last >= 1:
            raise ValueError("pretrain and noise_free_last together leave no epoch for the gates")
        if self.noise != 1 and self.estimator not in LINEAR:
            raise ValueError(f"noise below 1 needs an estimator that is linear in the gradient: {', '.join(LINEAR)}")
        return self


B = TypeVar("B", bound=BernoulliGatesSettings)


class BernoulliGates(Method[B]):
    """Gates whose theta [R, all gates] lies side by side in one tensor, so that one small kernel updates all slots.

    turn [R, all gates]: factors on the steps of the gates where not every section is tried in every step, else None.
    Buffers [R, all gates]: theta; opened and closed, the sums of the last step that the estimator reads; with
    average_over, average, the running average of the estimates. The buffer average_weight, 0-d, is the weight that it
    has gathered. The stages are "open", "sampled" and "settled"; gates take part in "sampled" only.
    """

    def __init__(self, settings: B, context: Context):
        super().__init__(settings, context)
        shape = (context.replicates, sum(context.units[slot] for slot in context.gated))
        theta = torch.full(shape, settings.theta_start, dtype=context.dtype, device=context.device)
        self.buffers = {"gated.theta": theta, "gated.opened": torch.zeros_like(theta)}
        self.buffers["gated.closed"] = torch.zeros_like(theta)
        if settings.average_over > 1:
            self.buffers |= {"gated.average": torch.zeros_like(theta), "average_weight": theta.new_zeros(())}
        self.xi: dict[str, Tensor] = {}
        sections = [slot for slot in context.gated if slot in context.architecture.sections]
        self.flipped = sections if settings.estimator_layers == "flip" else []
        self.all_at_once = theta.is_cuda  # its steps are recorded, so none may differ from the next
        self.turn: Tensor | None = None

    @property
    def theta(self) -> Tensor:
        """Probability [R, all gates] that a gate is open."""
        return self.buffers["gated.theta"]

    def by_slot(self, tensor: Tensor) -> dict[str, Tensor]:
        """Return slot -> view [R, n] of a tensor [R, all gates]."""
        sizes = [self.places[slot] for slot in self.context.gated]
        return dict(zip(self.context.gated, tensor.split(sizes, 1), strict=True))

    def phase(self, moment: Moment) -> Hashable:
        return self.stage(moment)

    def stage(self, moment: Moment) -> str:
        """Return which part of training the step after `moment` belongs to."""
        if moment.in_last(self.settings.noise_free_last):
            return "settled"
        return "sampled" if moment.reached(self.settings.pretrain) else "open"

    @property
    def sampling(self) -> bool:
        """Whether gates are drawn, and theta moves, in this step."""
        return self.stage(self.moment) == "sampled"

    def draw(self, batch: int) -> None:
        self.xi = self._drawn(1 if self.settings.gates_per == "batch" else batch) if self.sampling else {}
        opened, closed = (self.by_slot(self.buffers[f"gated.{name}"]) for name in ("opened", "closed"))
        self.sums = {slot: (opened[slot], closed[slot]) for slot in opened}

    def _drawn(self, rows: int) -> dict[str, Tensor]:
        """Return slot -> gates [R, rows, n] of the step."""
        sizes = {slot: self.places[slot] for slot in self.context.gated}
        noise, settings = self.context.noise, self.settings
        if settings.estimator == "arm":
            self.u = noise.uniform(sizes, rows, self.context.dtype)
            return {slot: self._below(slot, theta) for slot, theta in self.by_slot(self.theta).items()}
        xi = noise.bernoulli(self.theta, sizes, rows)
        if settings.noise == 1:
            return xi
        means = self.by_slot(self.theta)
        return {slot: torch.lerp(means[slot].unsqueeze(1), drawn, settings.noise) for slot, drawn in xi.items()}

    def _below(self, slot: str, theta: Tensor) -> Tensor:
        """Return the gates 1[u < theta] [R, rows, n] of estimator arm."""
        return (self.u[slot] < theta.unsqueeze(1)).to(theta.dtype)

    def gate(self, slot: str, h: Tensor) -> Tensor:
        if slot not in self.xi:
            return h
        xi = self.xi[slot]
        if slot in self.flipped or self.settings.estimator in ("arm", "exact") or not torch.is_grad_enabled():
            return h * spread(xi, h)
        theta = self.theta.detach().requires_grad_()  # its only use: backward reaches the gates of the input
        return EstimatedGate.apply(h, xi, theta, *self.sums[slot], self.settings.estimator not in LINEAR)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        slot = layer.reads
        if slot not in self.xi or self.settings.estimator not in LINEAR or not torch.is_grad_enabled():
            return super().linear(layer, h, weight, bias)
        return EstimatedLinear.apply(h, self.xi[slot], weight, bias, *self.sums[slot])

    def estimate(self, losses: Tensor, loss: LossUnder) -> Tensor:
        """Return the estimate of DL [R, all gates] from the last step, whose losses per example are [R, B]."""
        estimate = self._estimate(losses, loss)
        self.turn = self._flip(estimate, losses, loss)
        if self.settings.average_over == 1:
            return estimate
        average, weight = self.buffers["gated.average"], self.buffers["average_weight"]
        share = 1 / self.settings.average_over
        average.lerp_(estimate, share)
        weight.lerp_(torch.ones_like(weight), share)
        return average / weight

    def _estimate(self, losses: Tensor, loss: LossUnder) -> Tensor:
        kind, noise = self.settings.estimator, self.settings.noise
        if kind == "exact":
            found = exact(lambda xi: self._losses(xi, loss), self.xi)
            return torch.cat([found[slot] for slot in self.context.gated], 1)
        if kind == "arm":
            return self._arm(losses, loss)
        opened, closed = self.buffers["gated.opened"], self.buffers["gated.closed"]
        if noise != 1:
            return with_less_noise(kind, opened, closed, self.theta, noise)
        return COMBINE[kind](opened, closed, self.theta)

    def _flip(self, estimate: Tensor, losses: Tensor, loss: LossUnder) -> Tensor | None:
        """Write the estimates of sections that are left; return `turn`. A GPU tries all of them in every step."""
        left = [
            [gate for gate in self.flipped if self.counts[gate][network]] for network in range(self.context.replicates)
        ]
        by_slot, tried = self.by_slot(estimate), Tries()
        for tries in passes(left, self.moment.step, self.all_at_once):
            needed = [any(tries[gate][network] for gate in own if gate in tries) for network, own in enumerate(left)]
            under = partial(self._losses, loss=loss, networks=np.array(needed))
            for gate, found in flip(losses, self.xi, tries, under).items():
                by_slot[gate].copy_(found)
            tried |= tries
        if self.all_at_once or max(map(len, left)) <= 1:
            return None
        return torch.cat(list(turns(by_slot, left, tried).values()), 1)

    def _arm(self, losses: Tensor, loss: LossUnder) -> Tensor:
        """Return the estimate of two passes: the step's own, and one with the antithetic gates 1[u > 1 - theta]."""
        theta = self.by_slot(self.theta)
        opposite = {slot: (self.u[slot] > 1 - theta[slot].unsqueeze(1)).to(losses.dtype) for slot in theta}
        second = self._losses(opposite, loss)
        return torch.cat([arm(losses, second, self.u[slot], theta[slot]) for slot in theta], 1)

    def _losses(self, xi: Gates, loss: LossUnder, networks: np.ndarray | None = None) -> Tensor:
        """Return the losses per example [R, B] of the batch under these gates; networks: as in LossUnder."""
        return loss(Gated(lambda slot, h: h * spread(xi[slot], h) if slot in xi else h), networks=networks)

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def gates(self) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def final_gates(self) -> dict[str, Tensor]:
        """Return the gates rounded: open where theta > 1/2."""
        return self.by_slot((self.theta > 0.5).to(self.theta.dtype))
