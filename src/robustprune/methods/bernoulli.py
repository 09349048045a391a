"""Bernoulli gates with the flattening hyper-prior (Guenter and Sideris, arXiv 2205.04650; docs/method.md).

Objective: E_{xi ~ Bern(theta)}[cross-entropy] + (lambda / 2) ||W||^2 + sum_i c_i theta_i, c_i = ln(gamma_i) / N. The KL
and the hyper-prior together are linear in theta, so a minimum lies where every theta is 0 or 1. Training is finite and
noisy: some gates end inside and are rounded at 1/2. Only the paper's abstract was read. docs/method.md lists which
parts (hyper-prior, estimator, removal rule, prices) are derived or chosen by this project, and the options that vary
them. By default every option is off.
"""

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.methods.parts.ball import initial_weights, project_onto_ball
from robustprune.methods.parts.base import Context, LossUnder
from robustprune.methods.parts.bernoulli_gates import BernoulliGates, BernoulliGatesSettings
from robustprune.methods.parts.freedom import RatioSettings, check_slots, in_ratio
from robustprune.methods.parts.group_sizes import per_slot
from robustprune.methods.parts.prices import PriceSettings, check_price, complexity_prices, expected_units
from robustprune.methods.parts.priors import PriorSettings, make_prior
from robustprune.methods.parts.window import RemovalSettings, RemovalWindow
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork


class BernoulliSettings(BernoulliGatesSettings, PriceSettings, PriorSettings, RemovalSettings, RatioSettings):
    """Settings of the method: gates and estimator, prices and their ratios, prior, removal, and these."""

    drift: float = Field(3e-3, gt=0, description="distance that an idle gate moves per step: eta = drift / c")
    ball: float | None = Field(
        None, gt=0, description="radius of a ball around the initial weights that a network's weights may not leave"
    )

    @model_validator(mode="after")
    def _one_formula(self) -> "BernoulliSettings":
        if self.ratios and self.cost == "complexity":
            raise ValueError("ratios: cost complexity sets the prices of the slots; ratios are for cost uniform")
        return self


class Bernoulli(BernoulliGates[BernoulliSettings]):
    """Projected steps on theta, and removal during training.

    Further buffers: theta_sum and slope_sum [R, all gates], the sums of theta and of its slope over the removal window,
    or over the training where nothing is removed; with `ball` the initial weights.
    """

    Settings = BernoulliSettings

    def __init__(self, settings: BernoulliSettings, context: Context):
        super().__init__(settings, context)
        self.buffers |= {f"gated.{name}": torch.zeros_like(self.theta) for name in ("theta_sum", "slope_sum")}
        self.price: Tensor | None = None
        self.prior = make_prior(settings, context.train_size, self.by_slot)
        begin = round(settings.pretrain * context.moment.total)
        self.window = RemovalWindow.after(settings.theta_start, settings.drift, begin, settings.window)

    @classmethod
    def check(cls, settings: BernoulliSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_price(settings.price, architecture, gated)
        check_slots("ratios", settings.ratios, architecture)

    def begin(self, network: StackedNetwork) -> None:
        """Note the initial weights, the centre of the ball."""
        if self.settings.ball is not None:
            self.buffers |= initial_weights(network.parameters)

    def prices(self) -> Tensor:
        """Return c_i of every gate [R, all gates]."""
        context, settings = self.context, self.settings
        by_slot: dict[str, Tensor] = {}
        if settings.nu is not None:
            expected = expected_units(context.architecture, context.units, self.by_slot(self.theta))
            reference = context.units if settings.reference == "start" else context.architecture.units()
            by_slot = complexity_prices(context.architecture, expected, reference, settings.nu, settings.s)
        elif settings.price is not None:
            own = {slot: in_ratio(per_slot(settings.price, slot), slot, settings.ratios) for slot in context.gated}
            by_slot = {slot: torch.as_tensor(price) for slot, price in own.items()}
        price = torch.empty_like(self.theta)
        for slot, columns in self.by_slot(price).items():
            columns.copy_(by_slot[slot].reshape(-1, 1).expand_as(columns))
        return price

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Apply the projected step theta <- P(theta - eta slope), eta = rate * drift / c; slope = DL + c by default."""
        if not self.sampling:
            return
        estimate, theta = self.estimate(losses, loss), self.theta
        if self.price is None or self.price.shape != theta.shape or self.settings.cost == "complexity":
            self.price = self.prices()
        slope = self.prior.slope(estimate, theta, self.price)
        self.buffers["gated.theta_sum"] += theta
        self.buffers["gated.slope_sum"] += slope
        self.prior.move(theta, slope, self.price, self.moment.rate * self.settings.drift)

    def constrain(self, network: StackedNetwork) -> None:
        if self.settings.ball is not None:
            project_onto_ball(network.parameters, self.buffers, self.settings.ball)

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """Return, at the end of a window, the units with mean theta <= remove_below and a positive mean slope."""
        if not self.sampling:
            return self._settle()
        if self.settings.removal_at == "never":
            return None
        if self.window.opens(self.moment):
            self._clear_window()
        length = self.window.length(self.moment)
        if length is None or not self.prior.removes:
            return None
        idle = self.buffers["gated.theta_sum"] <= self.settings.remove_below * length
        idle &= self.buffers["gated.slope_sum"] > 0
        self._clear_window()
        return self.by_slot(idle)

    def _settle(self) -> dict[str, Tensor] | None:
        """Return the units with theta <= 1/2, and set the others' theta to 1, as the noise-free last part begins."""
        if not self.moment.crossed(1 - self.settings.noise_free_last):
            return None
        opened = self.theta > 0.5
        self.theta.masked_fill_(opened, 1)
        return self.by_slot(~opened)

    def _clear_window(self) -> None:
        for name in ("theta_sum", "slope_sum"):
            self.buffers[f"gated.{name}"].zero_()
