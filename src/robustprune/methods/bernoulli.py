"""Bernoulli gates with the flattening hyper-prior (Guenter and Sideris, arXiv 2205.04650; docs/method.md).

Objective: E_{xi ~ Bern(theta)}[cross-entropy] + (lambda / 2) ||W||^2 + sum_i c_i theta_i, c_i = ln(gamma_i) / N. The KL
and the hyper-prior together are linear in theta, so a minimum lies where every theta is 0 or 1. Training is finite and
noisy: some gates end inside and are rounded at 1/2. Only the paper's abstract was read. docs/method.md lists which
parts (hyper-prior, estimator, removal rule, prices) are derived or chosen by this project.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.base import Context, LossUnder
from robustprune.methods.parts.bernoulli_gates import BernoulliGates, BernoulliGatesSettings
from robustprune.methods.parts.group_sizes import per_slot
from robustprune.methods.parts.prices import check_price, complexity_prices, expected_units
from robustprune.methods.parts.window import RemovalWindow
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork

FIXED_PRIOR_EDGE = 1e-6  # the fixed prior needs a finite logit(theta)


class BernoulliSettings(BernoulliGatesSettings):
    """Settings of the method: `price` for cost uniform, `nu` for cost complexity."""

    cost: Literal["uniform", "complexity"] = "uniform"
    price: float | dict[str, float] | None = Field(None, description="c: one for all slots, or slot -> c")
    nu: float | None = Field(None, gt=0, description="strength of cost complexity")
    s: float = Field(0.5, ge=0, le=1, description="share of compute (against memory) in cost complexity")
    drift: float = Field(3e-3, gt=0, description="distance that an idle gate moves per step: eta = drift / c")
    prior: Literal["flattening", "fixed"] = Field(
        "flattening", description="fixed: a fixed prior pi = sigmoid(-N c) instead, without removal during training"
    )
    remove_below: float = Field(0.02, ge=0, lt=0.5, description="threshold on the mean of theta over a window")

    @model_validator(mode="after")
    def _strength(self) -> "BernoulliSettings":
        given, missing = ("price", "nu") if self.cost == "uniform" else ("nu", "price")
        if getattr(self, given) is None or getattr(self, missing) is not None:
            raise ValueError(f"cost {self.cost} needs {given} and takes no {missing}")
        prices = self.price.values() if isinstance(self.price, dict) else [self.price or 1.0]
        if min(prices) <= 0:
            raise ValueError("every price must be positive")
        return self


class Bernoulli(BernoulliGates[BernoulliSettings]):
    """Projected steps on theta, and removal during training.

    Further buffers [R, all gates]: theta_sum and slope_sum, the sums of theta and of DL + c over the removal window.
    """

    Settings = BernoulliSettings

    def __init__(self, settings: BernoulliSettings, context: Context):
        super().__init__(settings, context)
        self.buffers |= {f"gated.{name}": torch.zeros_like(self.theta) for name in ("theta_sum", "slope_sum")}
        self.price: Tensor | None = None
        self.window = RemovalWindow.after(settings.theta_start, settings.drift)

    @classmethod
    def check(cls, settings: BernoulliSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_price(settings.price, architecture, gated)

    def prices(self) -> Tensor:
        """Return c_i of every gate [R, all gates]."""
        context, settings = self.context, self.settings
        by_slot: dict[str, Tensor] = {}
        if settings.nu is not None:
            expected = expected_units(context.architecture, context.units, self.by_slot(self.theta))
            by_slot = complexity_prices(context.architecture, expected, context.units, settings.nu, settings.s)
        elif settings.price is not None:
            by_slot = {slot: torch.as_tensor(per_slot(settings.price, slot)) for slot in context.gated}
        price = torch.empty_like(self.theta)
        for slot, columns in self.by_slot(price).items():
            columns.copy_(by_slot[slot].reshape(-1, 1).expand_as(columns))
        return price

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Apply the projected step theta <- clip(theta - eta (DL + c), 0, 1), eta = rate * drift / c."""
        estimate, theta, fixed = self.estimate(loss), self.theta, self.settings.prior == "fixed"
        if self.price is None or self.price.shape != theta.shape or self.settings.cost == "complexity":
            self.price = self.prices()
        slope = estimate + self.price
        if fixed:  # the KL from a fixed prior adds logit(theta) - logit(pi), which pulls theta inwards
            slope += torch.logit(theta) / self.context.train_size
        self.buffers["gated.theta_sum"] += theta
        self.buffers["gated.slope_sum"] += slope
        theta.addcdiv_(slope, self.price, value=-self.moment.rate * self.settings.drift)
        edge = FIXED_PRIOR_EDGE if fixed else 0.0
        theta.clamp_(edge, 1 - edge)

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """Return, at the end of a window, the units with mean theta <= remove_below and mean DL + c > 0."""
        if self.window.opens(self.moment):
            self._clear_window()
        if not self.moment.epoch_end or self.settings.prior == "fixed":
            return None
        length = self.window.length(self.moment)
        if length is None:
            return None
        idle = self.buffers["gated.theta_sum"] <= self.settings.remove_below * length
        idle &= self.buffers["gated.slope_sum"] > 0
        self._clear_window()
        return self.by_slot(idle)

    def _clear_window(self) -> None:
        for name in ("theta_sum", "slope_sum"):
            self.buffers[f"gated.{name}"].zero_()
