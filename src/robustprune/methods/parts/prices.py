"""Prices of units in nats of mean cross-entropy (docs/method.md section 5)."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError, nearest
from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs, parameters
from robustprune.study.strict import Strict


class PriceSettings(Strict):
    """Prices of units: `price` for cost uniform, `nu` for cost complexity."""

    cost: Literal["uniform", "complexity"] = "uniform"
    price: float | dict[str, float] | None = Field(None, description="c: one for all slots, or slot -> c")
    nu: float | None = Field(None, gt=0, description="strength of cost complexity")
    s: float = Field(0.5, ge=0, le=1, description="share of compute (against memory) in cost complexity")
    reference: Literal["start", "standard"] = Field(
        "start",
        description="network whose counts divide those of cost complexity: the starting one, or that of width 1",
    )

    @model_validator(mode="after")
    def _strength(self) -> "PriceSettings":
        given, missing = ("price", "nu") if self.cost == "uniform" else ("nu", "price")
        if getattr(self, given) is None or getattr(self, missing) is not None:
            raise ValueError(f"cost {self.cost} needs {given} and takes no {missing}")
        if self.cost == "uniform" and self.reference != "start":
            raise ValueError("reference: cost uniform counts nothing; it is for cost complexity")
        prices = self.price.values() if isinstance(self.price, dict) else [self.price or 1.0]
        if min(prices) <= 0:
            raise ValueError("every price must be positive")
        return self


def check_price(price: float | Mapping[str, float] | None, architecture: Architecture, gated: tuple[str, ...]) -> None:
    """Raise StudyError if prices by slot name an unknown slot or lack a gated one."""
    if not isinstance(price, Mapping):
        return
    slots = [slot.name for slot in architecture.slots]
    for slot in price:
        if slot not in slots:
            raise StudyError(f"price: {architecture.name} has no slot {slot!r}{nearest(slot, slots)}")
    for slot in gated:
        if slot not in price:
            raise StudyError(f"price: no entry for slot {slot!r}; every gated slot needs one")


def complexity_prices(
    architecture: Architecture,
    expected: Mapping[str, Tensor],
    reference: Mapping[str, int],
    nu: float,
    s: float,
) -> dict[str, Tensor]:
    """Return slot -> c = nu [ s dE[MACs]/dtheta / MACs_ref + (1 - s) dE[params]/dtheta / params_ref ] [R].

    expected: slot -> expected units [R], the sum of theta or the count of a slot without gates. reference: units of the
    network whose counts divide. All gates of a slot share one price, because both counts are multilinear in the slots'
    widths (complexity-aware training, arXiv 2411.09127).
    """
    widths = {slot: count.detach().requires_grad_() for slot, count in expected.items()}
    with torch.enable_grad():
        cost = s * macs(architecture, widths) / macs(architecture, reference)
        cost = cost + (1 - s) * parameters(architecture, widths) / parameters(architecture, reference)
        slopes = torch.autograd.grad(cost.sum(), list(widths.values()))
    return {slot: nu * slope for slot, slope in zip(widths, slopes, strict=True)}


def expected_units(
    architecture: Architecture, units: Mapping[str, int], theta: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return slot -> expected units [R]: the sum of theta [R, n] where a slot is gated.

    A flattened slot without gates has the expected number of features that its channels leave.
    """
    like = next(iter(theta.values()))[:, 0]
    expected: dict[str, Tensor] = {}
    for slot in architecture.slots:
        if slot.name in theta:
            expected[slot.name] = theta[slot.name].sum(1)
        elif slot.parent:
            expected[slot.name] = expected[slot.parent] * slot.positions
        else:
            expected[slot.name] = torch.full_like(like, units[slot.name])
    return expected
