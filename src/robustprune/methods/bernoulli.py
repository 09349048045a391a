"""Bernoulli gates with the flattening hyper-prior (Guenter and Sideris, arXiv 2205.04650; docs/method.md).

Objective: E_{xi ~ Bern(theta)}[cross-entropy] + (lambda / 2) ||W||^2 + sum_i c_i theta_i, c_i = ln(gamma_i) / N. The KL
and the hyper-prior together are linear in theta, so a minimum lies where every theta is 0 or 1. Training is finite and
noisy: some gates end inside and are rounded at 1/2. Only the paper's abstract was read. docs/method.md lists which
parts (hyper-prior, estimator, removal rule, prices) are derived or chosen by this project, and the options that vary
them. By default every option is off.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.ball import initial_weights, project_onto_ball
from robustprune.methods.parts.base import Context, LossUnder
from robustprune.methods.parts.bernoulli_gates import BernoulliGates, BernoulliGatesSettings
from robustprune.methods.parts.estimators import LINEAR
from robustprune.methods.parts.freedom import RatioSettings, check_slots, in_ratio
from robustprune.methods.parts.group_sizes import per_slot
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.prices import PriceSettings, Reference, check_price, complexity_prices, expected_units
from robustprune.methods.parts.priors import PriorSettings, make_prior
from robustprune.methods.parts.relative_ball import RelativeBall, keep_inside
from robustprune.methods.parts.window import RemovalSettings, RemovalWindow
from robustprune.networks.architecture import Architecture, standard
from robustprune.networks.stacked import StackedNetwork

FLOOR = 1 / 20
CAPPED_UNTIL = 0.75
"""The share of training after which theta_cap is lifted."""


class BernoulliSettings(BernoulliGatesSettings, PriceSettings, PriorSettings, RemovalSettings, RatioSettings):
    """Settings of the method: gates and estimator, prices and their ratios, prior, removal, and these."""

    drift: float = Field(3e-3, gt=0, description="distance that an idle gate moves per step: eta = drift / c")
    drift_layers: float = Field(1e-3, gt=0, description="the same for the gates of sections")
    theta_cap: float = Field(
        1.0,
        gt=0.5,
        le=1,
        description="largest theta of the gate of a section in the first three quarters of training: below 1 an open "
        "section is missing for some examples, so that the others learn to do without it",
    )
    ball: Annotated[float, Field(gt=0)] | RelativeBall | None = Field(
        None,
        description="a ball around the initial weights that the weights may not leave: the radius of one for the whole "
        "network, or the norm and relative radius of one for each row or layer",
    )

    @model_validator(mode="after")
    def _one_formula(self) -> "BernoulliSettings":
        if self.ratios and self.cost == "complexity":
            raise ValueError("ratios: cost complexity sets the prices of the slots; ratios are for cost uniform")
        return self


def check_sections(settings: BernoulliSettings, gated: bool) -> None:
    """Raise StudyError for settings that do not fit a track on which sections are gated, or are for such a track."""
    if not gated:
        for name in ("r", "drift_layers", "estimator_layers", "theta_cap"):
            if name in settings.model_fields_set:
                raise StudyError(
                    f"{name}: no slot is the gate of a section here; use track layers or joint, from depth 1"
                )
        return
    if settings.estimator not in LINEAR:
        raise StudyError(f"estimator: where sections are gated it is one of {', '.join(LINEAR)}")
    if settings.estimator_layers == "flip" and (settings.average_over > 1 or settings.noise != 1):
        raise StudyError(
            "estimator_layers: flip tries gates that are 0 or 1, one section per step; it takes no "
            "average_over and no noise"
        )


class Bernoulli(BernoulliGates[BernoulliSettings]):
    """Projected steps on theta, and removal during training. It gates units and whole sections (docs/layers.md).

    Further buffers: theta_sum and slope_sum [R, all gates], the sums of theta and of its slope over the removal window,
    or over the training where nothing is removed; with `ball` the initial weights.
    """

    Settings = BernoulliSettings
    layer_gates = True

    def __init__(self, settings: BernoulliSettings, context: Context):
        super().__init__(settings, context)
        self.buffers |= {f"gated.{name}": torch.zeros_like(self.theta) for name in ("theta_sum", "slope_sum")}
        self.price: Tensor | None = None
        self.divisor: Tensor | None = None
        self.least: Tensor | None = None
        self.prior = make_prior(settings, context.train_size, self.by_slot)
        begin = round(settings.pretrain * context.moment.total)
        self.sections = [slot for slot in context.gated if slot in context.architecture.sections]
        self.reference = self._reference() if settings.cost == "complexity" else None
        units = [slot for slot in context.gated if slot not in self.sections]
        self.windows = [
            (RemovalWindow.after(settings.theta_start, drift, begin, settings.window), slots)
            for drift, slots in ((settings.drift, units), (settings.drift_layers, self.sections))
            if slots
        ]

    @classmethod
    def check(cls, settings: BernoulliSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_price(settings.price, architecture, gated)
        check_slots("ratios", settings.ratios, architecture)
        check_sections(settings, any(slot in architecture.sections for slot in gated))

    def phase(self, moment: Moment) -> Hashable:
        return (self.stage(moment), self.capped(moment)) if self.settings.theta_cap < 1 else self.stage(moment)

    def capped(self, moment: Moment) -> bool:
        """Return whether theta_cap limits the gates of sections in the step after `moment`."""
        return self.settings.theta_cap < 1 and not moment.reached(CAPPED_UNTIL)

    def begin(self, network: StackedNetwork) -> None:
        """Note the initial weights, the centre of the ball."""
        if self.settings.ball is not None:
            self.buffers |= initial_weights(network.parameters)

    def prices(self) -> Tensor:
        """Return c_i of every gate [R, all gates]."""
        context, settings = self.context, self.settings
        by_slot: dict[str, Tensor] = {}
        if self.reference is not None:
            by_slot = self._by_complexity(expected_units(context.architecture, context.units, self.by_slot(self.theta)))
        elif settings.price is not None:
            own = {slot: in_ratio(per_slot(settings.price, slot), slot, settings.ratios) for slot in context.gated}
            by_slot = {slot: torch.as_tensor(price) for slot, price in own.items()}
        return self._columns(by_slot)

    def _columns(self, by_slot: Mapping[str, Tensor]) -> Tensor:
        """Return one value per slot and network, [R] or a number, as the columns of the slot's gates [R, all gates]."""
        values = torch.empty_like(self.theta)
        for slot, columns in self.by_slot(values).items():
            columns.copy_(by_slot[slot].reshape(-1, 1).expand_as(columns))
        return values

    def _by_complexity(self, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        settings, reference = self.settings, self.reference
        assert reference is not None  # the cost is complexity
        assert settings.nu is not None
        return complexity_prices(self.context.architecture, expected, reference, settings.nu, settings.s, settings.r)

    def _reference(self) -> Reference:
        """Return the counts of the network that prices by complexity are relative to."""
        context = self.context
        if self.settings.reference == "start":
            return Reference.of(context.architecture, context.units)
        network = standard(context.architecture)
        return Reference.of(network, network.units())

    def divisors(self, price: Tensor) -> Tensor:
        """Return what a gate's slope is divided by [R, all gates]: its price.

        Where sections are gated it is at least FLOOR of the price with all gates open: the price of a unit vanishes
        with the gate of its section, and its steps must not grow without bound. Gates of sections have a drift of their
        own.
        """
        if not self.sections:
            # a price by complexity is 0 where no neighbour is left, and 0 / 0 would make theta NaN
            return price if self.reference is None else price.clamp_min(torch.finfo(price.dtype).tiny)
        if self.least is None or self.least.shape != price.shape:
            whole = {slot: price.new_tensor([float(count)]) for slot, count in self.context.units.items()}
            nothing = {slot: price.new_zeros(1) for slot in whole}
            least = nothing if self.reference is None else self._by_complexity(whole)
            self.least = FLOOR * self._columns(least)
            ratio = self.settings.drift / self.settings.drift_layers
            self.slower = self._columns(
                {slot: price.new_tensor(ratio if slot in self.sections else 1.0) for slot in whole}
            )
        return price.maximum(self.least) * self.slower

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        """Apply the projected step theta <- P(theta - eta slope), eta = rate * drift / c; slope = DL + c by default."""
        if not self.sampling:
            return
        estimate, theta = self.estimate(losses, loss), self.theta
        if self.settings.estimator == "arm":  # it moves padding, which prices and the history would count
            for slot, part in self.by_slot(estimate).items():
                part.masked_fill_(network.kept[slot] < 0, 0)
        if self.price is None or self.price.shape != theta.shape or self.settings.cost == "complexity":
            self.price = self.prices()
            self.divisor = self.divisors(self.price)
        slope = self.prior.slope(estimate, theta, self.price)
        if self.turn is not None:
            slope = slope * self.turn
        self.buffers["gated.theta_sum"] += theta
        self.buffers["gated.slope_sum"] += slope
        assert self.divisor is not None  # made with the price
        self.prior.move(theta, slope, self.divisor, self.moment.rate * self.settings.drift)
        if self.capped(self.moment):
            columns = self.by_slot(theta)
            for slot in self.sections:
                columns[slot].clamp_(max=self.settings.theta_cap)

    def constrain(self, network: StackedNetwork) -> None:
        ball = self.settings.ball
        if isinstance(ball, RelativeBall):
            keep_inside(network.parameters, self.buffers, ball)
        elif ball is not None:
            project_onto_ball(network.parameters, self.buffers, ball)

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        """Return, at the end of a window, the units with mean theta <= remove_below and a positive mean slope."""
        if not self.sampling:
            return self._settle()
        if self.settings.removal_at == "never":
            return None
        removed: dict[str, Tensor] = {}
        for window, slots in self.windows:
            if window.opens(self.moment):
                self._clear_window(slots)
            length = window.length(self.moment)
            if length is None or not self.prior.removes:
                continue
            idle = self.buffers["gated.theta_sum"] <= self.settings.remove_below * length
            idle &= self.buffers["gated.slope_sum"] > 0
            removed |= {slot: columns for slot, columns in self.by_slot(idle).items() if slot in slots}
            self._clear_window(slots)
        return removed or None

    def _settle(self) -> dict[str, Tensor] | None:
        """Return the units with theta <= 1/2, and set the others' theta to 1, as the noise-free last part begins."""
        if not self.moment.crossed(1 - self.settings.noise_free_last):
            return None
        opened = self.theta > 0.5
        self.theta.masked_fill_(opened, 1)
        return self.by_slot(~opened)

    def _clear_window(self, slots: Iterable[str]) -> None:
        for name in ("theta_sum", "slope_sum"):
            columns = self.by_slot(self.buffers[f"gated.{name}"])
            for slot in slots:
                columns[slot].zero_()
