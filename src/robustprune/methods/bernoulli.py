"""Bernoulli gates with the flattening hyper-prior (Guenter and Sideris, arXiv 2205.04650; docs/method.md).

Objective: E_{xi ~ Bern(theta)}[cross-entropy] + (lambda / 2) ||W||^2 + sum_i c_i theta_i, c_i = ln(gamma_i) / N: the KL
and the hyper-prior together are linear in theta, so every gate ends at 0 or 1.
"""

import math
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError, nearest
from robustprune.methods.parts.base import Context, LossUnder, Method
from robustprune.methods.parts.estimators import COMBINE, LINEAR, EstimatedGate, EstimatedLinear, exact, spread
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.prices import complexity_prices, expected_units
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.stacked import Gated, StackedNetwork
from robustprune.study.config import Strict

SUMS = ("theta_sum", "slope_sum", "opened", "closed")
FIXED_PRIOR_EDGE = 1e-6  # logit(theta) must stay finite where no hyper-prior lets gates close


class Settings(Strict):
    """Settings of the method; give `price` for cost uniform, `nu` for cost complexity."""

    cost: Literal["uniform", "complexity"] = "uniform"
    price: float | dict[str, float] | None = Field(None, description="c: one for all slots, or slot -> c")
    nu: float | None = Field(None, gt=0, description="strength of cost complexity")
    s: float = Field(0.5, ge=0, le=1, description="share of compute (against memory) in cost complexity")
    estimator: Literal["first_order", "trapezoid", "fisher", "exact"] = "trapezoid"
    drift: float = Field(3e-3, gt=0, description="how far an idle gate moves per step: eta = drift / c")
    theta_start: float = Field(0.5, gt=0, lt=1)
    prior: Literal["flattening", "fixed"] = Field(
        "flattening", description="fixed: the ablation without hyper-prior, pi = sigmoid(-N c); gates stay interior"
    )
    remove_below: float = Field(0.02, ge=0, lt=0.5, description="threshold on the epoch mean of theta")

    @model_validator(mode="after")
    def _strength(self) -> "Settings":
        given, missing = ("price", "nu") if self.cost == "uniform" else ("nu", "price")
        if getattr(self, given) is None or getattr(self, missing) is not None:
            raise ValueError(f"cost {self.cost} needs {given} and takes no {missing}")
        prices = self.price.values() if isinstance(self.price, dict) else [self.price or 1.0]
        if min(prices) <= 0:
            raise ValueError("every price must be positive")
        return self


class Bernoulli(Method):
    """theta of all slots side by side in one tensor, so that one small kernel updates them all.

    Buffers [R, all gates]: theta; theta_sum and slope_sum, its sum and that of DL + c over the steps of the pruning
    window; opened and closed, the step's sums that the estimator reads.
    """

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        shape = (context.replicates, sum(context.units[slot] for slot in context.gated))
        theta = torch.full(shape, settings.theta_start, dtype=context.dtype, device=context.device)
        self.buffers["gated.theta"] = theta
        self.buffers |= {f"gated.{name}": torch.zeros_like(theta) for name in SUMS}
        self.xi: dict[str, Tensor] = {}
        self.price: Tensor | None = None

    @classmethod
    def check(cls, settings: Settings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        if not isinstance(settings.price, dict):
            return
        slots = [slot.name for slot in architecture.slots]
        for slot in settings.price:
            if slot not in slots:
                raise StudyError(f"price: {architecture.name} has no slot {slot!r}{nearest(slot, slots)}")
        for slot in gated:
            if slot not in settings.price:
                raise StudyError(f"price: no entry for slot {slot!r}; every gated slot needs one")

    @property
    def theta(self) -> Tensor:
        """Probability [R, all gates] that a gate is open."""
        return self.buffers["gated.theta"]

    def by_slot(self, tensor: Tensor) -> dict[str, Tensor]:
        """Views of a tensor [R, all gates], slot -> [R, n]."""
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
        opened, closed = self.sums[slot]
        # theta gets no gradient; it only makes backward reach the gate where nothing below has one (the input)
        theta = self.theta.detach().requires_grad_()
        return EstimatedGate.apply(h, xi, theta, opened, closed, self.settings.estimator not in LINEAR)

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        slot = layer.reads
        if slot not in self.xi or self.settings.estimator not in LINEAR or not torch.is_grad_enabled():
            return super().linear(layer, h, weight, bias)
        return EstimatedLinear.apply(h, self.xi[slot], weight, bias, *self.sums[slot])

    def prices(self) -> Tensor:
        """c_i of every gate [R, all gates]."""
        context, given = self.context, self.settings.price
        if self.settings.cost == "complexity":
            expected = expected_units(context.architecture, context.units, self.by_slot(self.theta))
            nu, s = self.settings.nu, self.settings.s
            per_slot = complexity_prices(context.architecture, expected, context.units, nu, s)
        else:
            per_slot = {slot: given[slot] if isinstance(given, dict) else given for slot in context.gated}
        price = torch.empty_like(self.theta)
        for slot, columns in self.by_slot(price).items():
            columns.copy_(torch.as_tensor(per_slot[slot]).reshape(-1, 1).expand_as(columns))
        return price

    def estimate(self, loss: LossUnder) -> Tensor:
        """Estimate of DL [R, all gates] from the step."""
        if self.settings.estimator != "exact":
            return COMBINE[self.settings.estimator](
                self.buffers["gated.opened"], self.buffers["gated.closed"], self.theta
            )
        by_slot = exact(lambda xi: loss(Gated(lambda slot, h: h * spread(xi[slot], h) if slot in xi else h)), self.xi)
        return torch.cat([by_slot[slot] for slot in self.context.gated], 1)

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Projected step theta <- clip(theta - eta (DL + c), 0, 1), eta = drift / c."""
        estimate, theta, fixed = self.estimate(loss), self.theta, self.settings.prior == "fixed"
        if self.price is None or self.price.shape != theta.shape or self.settings.cost == "complexity":
            self.price = self.prices()
        slope = estimate + self.price
        if fixed:  # without hyper-prior the KL pulls inwards: logit(theta) - logit(pi)
            slope += torch.logit(theta) / self.context.train_size
        self.buffers["gated.theta_sum"] += theta
        self.buffers["gated.slope_sum"] += slope
        theta.addcdiv_(slope, self.price, value=-self.moment.rate * self.settings.drift)
        edge = FIXED_PRIOR_EDGE if fixed else 0.0
        theta.clamp_(edge, 1 - edge)

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """At the end of an epoch: mean theta at most 0.02 and mean DL + c positive (docs/method.md section 5)."""
        moment = self.moment
        if moment.step == self._first_window():
            self._start_window()
        if not moment.epoch_end or self.settings.prior == "fixed":
            return None
        length = moment.step - self._window_start(moment)
        if 2 * length < moment.steps_per_epoch:
            return None
        idle = self.buffers["gated.theta_sum"] <= self.settings.remove_below * length
        idle &= self.buffers["gated.slope_sum"] > 0
        self._start_window()
        return self.by_slot(idle)

    def _first_window(self) -> int:
        """The step after which an idle gate can have come down from its start to 0: means before it say nothing."""
        return math.ceil(self.settings.theta_start / self.settings.drift)

    def _window_start(self, moment: Moment) -> int:
        """The step after which the pruning window that ends with an epoch began: the start of that epoch; the first
        window's own start where that is later, or less than half an epoch before (a window spans half an epoch)."""
        epoch_start = moment.step - moment.steps_per_epoch
        first = self._first_window()
        short = epoch_start - moment.steps_per_epoch / 2 < first
        return first if first <= moment.step and short else epoch_start

    def _start_window(self) -> None:
        for name in ("theta_sum", "slope_sum"):
            self.buffers[f"gated.{name}"].zero_()

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def gates(self) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def final_gates(self) -> dict[str, Tensor]:
        """theta > 1/2 -> 1, else removed."""
        return self.by_slot((self.theta > 0.5).to(self.theta.dtype))
