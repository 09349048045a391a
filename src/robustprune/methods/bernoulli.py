"""Bernoulli gates with the flattening hyper-prior (Guenter and Sideris, arXiv 2205.04650; method.md).

Objective: E_{xi ~ Bern(theta)}[cross-entropy] + (lambda / 2) ||W||^2 + sum_i c_i theta_i, c_i = ln(gamma_i) / N: the KL
and the hyper-prior together are linear in theta, so every gate ends at 0 or 1.
"""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError, nearest
from robustprune.methods.parts.base import Context, LossOfGates, Method, Selection
from robustprune.methods.parts.estimators import COMBINE, LINEAR, EstimatedGate, EstimatedLinear, exact, spread
from robustprune.methods.parts.prices import complexity_prices, expected_units
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.stacked import Gated, StackedNetwork
from robustprune.study.config import Strict

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
    """theta [R, n] per slot, all slots side by side in one tensor so that one small kernel updates them all."""

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.sizes = [context.units[slot] for slot in context.gated]
        shape = (context.replicates, sum(self.sizes))
        self.theta = torch.full(shape, settings.theta_start, dtype=context.dtype, device=context.device)
        self.xi: dict[str, Tensor] = {}
        self.theta_sum, self.slope_sum = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        self._resize(self.sizes)
        self.start_window()

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

    def start_window(self) -> None:
        """Begin a pruning window (an epoch): the sums over its steps of theta and of DL + c."""
        self.theta_sum.zero_()
        self.slope_sum.zero_()
        self.window = 0

    def by_slot(self, tensor: Tensor) -> dict[str, Tensor]:
        """Views of a tensor [R, all gates], slot -> [R, n]."""
        return dict(zip(self.context.gated, tensor.split(self.sizes, 1), strict=True))

    def draw(self, batch: int) -> None:
        self.xi = self.context.noise.bernoulli(self.theta, self.sizes_by_slot, batch)

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
        slot = layer.source
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

    def step(self, network: StackedNetwork, rate: float, loss: LossOfGates) -> None:
        """Projected step theta <- clip(theta - eta (DL + c), 0, 1), eta = drift / c."""
        if self.settings.estimator != "exact":
            estimate = COMBINE[self.settings.estimator](self.opened, self.closed, self.theta)
        else:
            found = exact(lambda xi: loss(Gated(lambda slot, h: h * spread(xi[slot], h) if slot in xi else h)), self.xi)
            estimate = torch.cat([found[slot] for slot in self.context.gated], 1)
        if self.price is None or self.settings.cost == "complexity":
            self.price = self.prices()
        price = self.price
        slope = estimate + price
        if self.settings.prior == "fixed":  # without hyper-prior the KL pulls inwards: logit(theta) - logit(pi)
            slope += torch.logit(self.theta) / self.context.examples
        self.theta_sum += self.theta
        self.slope_sum += slope
        self.theta.addcdiv_(slope, price, value=-rate * self.settings.drift)
        edge = FIXED_PRIOR_EDGE if self.settings.prior == "fixed" else 0.0
        self.theta.clamp_(edge, 1 - edge)

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        """At the end of an epoch: mean theta at most 0.02 and mean DL + c positive (method.md section 5).

        The window opens only when an idle gate can have come down from its start to 0 (otherwise the first epoch's
        mean says nothing), and spans at least half an epoch.
        """
        steps = self.context.steps_per_epoch
        self.window += 1
        if step == math.ceil(self.settings.theta_start / self.settings.drift):
            self.start_window()
        if step % steps or 2 * self.window < steps or self.settings.prior == "fixed":
            return None
        idle = (self.theta_sum <= self.settings.remove_below * self.window) & (self.slope_sum > 0)
        self.start_window()
        return self.by_slot(idle)

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def select(self, selection: Selection) -> None:
        for name in ("theta", "theta_sum", "slope_sum"):
            kept = [selection.take(part, slot) for slot, part in self.by_slot(getattr(self, name)).items()]
            setattr(self, name, torch.cat(kept, 1))
        self._resize([selection.real[slot].shape[1] for slot in self.context.gated])

    def _resize(self, sizes: list[int]) -> None:
        self.sizes, self.price = sizes, None
        self.sizes_by_slot = dict(zip(self.context.gated, sizes, strict=True))
        self.opened, self.closed = torch.zeros_like(self.theta), torch.zeros_like(self.theta)
        opened, closed = self.by_slot(self.opened), self.by_slot(self.closed)
        self.sums = {slot: (opened[slot], closed[slot]) for slot in opened}

    def gates(self) -> dict[str, Tensor]:
        return self.by_slot(self.theta)

    def final_gates(self) -> dict[str, Tensor]:
        """theta > 1/2 -> 1, else removed."""
        return self.by_slot((self.theta > 0.5).to(self.theta.dtype))

    def state(self) -> dict[str, Tensor]:
        tensors = {"theta": self.theta, "theta_sum": self.theta_sum, "slope_sum": self.slope_sum}
        return {**tensors, "sizes": torch.tensor(self.sizes), "window": torch.tensor(self.window)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.theta, self.theta_sum, self.slope_sum = (state[n] for n in ("theta", "theta_sum", "slope_sum"))
        self.window = int(state["window"])
        self._resize(state["sizes"].tolist())
