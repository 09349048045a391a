"""D-Gating: group weights as products, with L2 on every factor (Kolb, Frost, Bischl and Ruegamer, NeurIPS 2025, arXiv
2509.23898; docs/baselines.md section 9b).

The outgoing weights of a unit are w_g = v_g times D - 1 scalar gates. Objective: cross-entropy + (lambda / 2) sum_g
sqrt|g| (||v_g||^2 + sum of squared gates). Its minima are those of a group penalty of order 2/D: D = 2 is the group
lasso. There is no noise and no proximal step. A unit leaves when ||w_g|| is below `threshold` times the largest of its
slot at `patience` consecutive ends of epochs, and at the start of the fine-tuning phase, which has no penalty. Changed:
only the paper's abstract was read; the groups, their prices and the removal rule are choices of this study.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.estimators import spread
from robustprune.methods.parts.freedom import FreedomSettings, check_slots, in_ratio
from robustprune.methods.parts.moment import Moment
from robustprune.methods.parts.outgoing import outgoing_weights, over_outgoing
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork


class DGatingSettings(FreedomSettings):
    """Strength, number of factors, phases and removal."""

    group_lambda: float = Field(gt=0, description="lambda, per square root of a group's size")
    factors: int = Field(3, ge=2, description="D: the weights themselves and D - 1 gates")
    price_of: Literal["start", "standard"] = Field(
        "start", description="whose weights make a group's size: the starting network's, or those of width 1"
    )
    fine_tune: float = Field(0.25, ge=0, lt=1, description="last fraction of the epochs: no penalty")
    threshold: float = Field(
        1e-4, gt=0, lt=1, description="a unit is closed below this share of its slot's largest ||w_g||"
    )


def sum_of_squares(v: Tensor, gates: list[Tensor]) -> Tensor:
    """Return ||v||^2 plus the squared gates, per replicate [R]; v is [R, ...], gates are [R, n]."""
    return v.flatten(1).square().sum(1) + sum(gate.square().sum(1) for gate in gates)


class DGating(Method[DGatingSettings]):
    """Gates "<slot>.gate_<d>" [R, n], ordinary parameters that start at 1.

    Buffers per slot: `closed`, which units are closed; `closed_for`, at how many consecutive ends of epochs they were.
    """

    Settings = DGatingSettings

    def __init__(self, settings: DGatingSettings, context: Context):
        super().__init__(settings, context)
        self.learning_rate = settings.gate_learning_rate
        for number in range(1, settings.factors):
            self.parameters |= self.filled(f"gate_{number}", 1.0)
        self.buffers = self.filled("closed", False, torch.bool) | self.filled("closed_for", 0, torch.int64)
        architecture = context.architecture
        units = architecture.units() if settings.price_of == "standard" else context.units
        self.prices = {
            slot: settings.group_lambda * outgoing_weights(architecture, units, slot) ** 0.5 for slot in context.gated
        }

    @classmethod
    def check(cls, settings: DGatingSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        check_slots("ratios", settings.ratios, architecture)

    def phase(self, moment: Moment) -> str:
        return "fine-tuning" if moment.in_last(self.settings.fine_tune) else "penalised"

    def factors(self, slot: str) -> list[Tensor]:
        """Return the gates of a slot, D - 1 tensors [R, n]."""
        return [self.parameters[f"{slot}.gate_{number}"] for number in range(1, self.settings.factors)]

    def product(self, slot: str) -> Tensor:
        """Return the product of a slot's gates [R, n], which multiplies the units."""
        first, *others = self.factors(slot)
        for gate in others:
            first = first * gate
        return first

    def gate(self, slot: str, h: Tensor) -> Tensor:
        return h * spread(self.product(slot).unsqueeze(1), h) if slot in self.prices else h

    def penalty(self, network: StackedNetwork) -> Tensor | None:
        if self.phase(self.moment) == "fine-tuning":
            return None
        penalties = []
        for slot, price in self.prices.items():
            v = network.parameters[f"{network.architecture.reader(slot).name}.weight"]
            own = price / 2 * sum_of_squares(v, self.factors(slot))
            penalties.append(in_ratio(own, slot, self.settings.ratios))
        return torch.stack(penalties).sum(0)

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return ||w_g|| of each unit."""
        norms = {}
        for slot in self.context.gated:
            weight = network.parameters[f"{network.architecture.reader(slot).name}.weight"].detach()
            norms[slot] = over_outgoing(network, slot, weight.square()).sqrt() * self.product(slot).detach().abs()
        return norms

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        settings = self.settings
        freezes = settings.fine_tune > 0 and self.moment.crossed(1 - settings.fine_tune)
        if not freezes and (self.phase(self.moment) == "fine-tuning" or not self.moment.epoch_end):
            return None
        for slot, norm in self.scores(network).items():
            closed = norm < settings.threshold * norm.amax(1, keepdim=True)
            self.buffers[f"{slot}.closed"] = closed
            self.buffers[f"{slot}.closed_for"] = torch.where(closed, self.buffer(slot, "closed_for") + 1, 0)
        if freezes:
            return {slot: self.buffer(slot, "closed") for slot in self.context.gated}
        if settings.patience is None:
            return None
        return {slot: self.buffer(slot, "closed_for") >= settings.patience for slot in self.context.gated}

    def gates(self) -> dict[str, Tensor]:
        return {slot: self.product(slot).detach() for slot in self.context.gated}

    def final_gates(self) -> dict[str, Tensor]:
        """Return the products; without a fine-tuning phase the units that are closed at the end are 0."""
        if self.phase(self.moment) == "fine-tuning":
            return self.gates()
        return {slot: z.masked_fill(self.buffer(slot, "closed"), 0) for slot, z in self.gates().items()}
