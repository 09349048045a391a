"""Prices of units in nats of mean cross-entropy (docs/method.md section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError, nearest
from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs, parameters
from robustprune.study.strict import Strict

EQUAL = 0.5
"""The share of compute at which compute and memory count alike."""


class PriceSettings(Strict):
    """Prices of units: `price` for cost uniform, `nu` for cost complexity."""

    cost: Literal["uniform", "complexity"] = "uniform"
    price: float | dict[str, float] | None = Field(None, description="c: one for all slots, or slot -> c")
    nu: float | None = Field(None, gt=0, description="strength of cost complexity")
    s: float = Field(EQUAL, ge=0, le=1, description="share of compute (against memory) in cost complexity")
    reference: Literal["start", "standard"] = Field(
        "start",
        description="network whose counts divide those of cost complexity: the starting one, or that of width 1 (and "
        "of depth 4, where it is made at any depth)",
    )
    r: float = Field(0.0, ge=0, description="price of sequence in cost complexity: what sections cost by their number")

    @model_validator(mode="after")
    def _strength(self) -> "PriceSettings":
        given, missing = ("price", "nu") if self.cost == "uniform" else ("nu", "price")
        if getattr(self, given) is None or getattr(self, missing) is not None:
            raise ValueError(f"cost {self.cost} needs {given} and takes no {missing}")
        if self.cost == "uniform" and self.reference != "start":
            raise ValueError("reference: cost uniform counts nothing; it is for cost complexity")
        if self.cost == "uniform" and self.s != EQUAL:  # records name every setting
            raise ValueError("s: cost uniform counts neither MACs nor parameters; s is for cost complexity")
        if self.cost == "uniform" and self.r:
            raise ValueError("r: cost uniform has one price for every gate; r is for cost complexity")
        prices = self.price.values() if isinstance(self.price, dict) else [self.price]
        if any(price is not None and price <= 0 for price in prices):
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


@dataclass(frozen=True)
class Reference:
    """Multiply-accumulates, parameters and sections of the network that prices by complexity are relative to."""

    macs: int
    params: int
    sections: int = 0

    @classmethod
    def of(cls, architecture: Architecture, units: Mapping[str, int]) -> "Reference":
        """Return the counts of a network with these units."""
        return cls(macs(architecture, units), parameters(architecture, units), len(architecture.sections))


def complexity(
    architecture: Architecture, expected: Mapping[str, Tensor], reference: Reference, s: float, r: float = 0.0
) -> Tensor:
    """Return s E[MACs] / MACs_ref + (1 - s) E[params] / params_ref + r E[sections] / sections_ref [R]; times nu it is
    the cost in nats.

    expected: slot -> expected units [R], the sum of theta or the count of a slot without gates.
    """
    cost = s * macs(architecture, expected) / reference.macs
    cost = cost + (1 - s) * parameters(architecture, expected) / reference.params
    if r:
        cost = cost + r / reference.sections * sum(expected[gate] for gate in architecture.sections)
    return cost


def complexity_prices(
    architecture: Architecture,
    expected: Mapping[str, Tensor],
    reference: Reference,
    nu: float,
    s: float,
    r: float = 0.0,
) -> dict[str, Tensor]:
    """Return slot -> c = nu d complexity / d theta [R]; expected as in `complexity`.

    All gates of a slot share one price, because the cost is multilinear in the slots' widths (complexity-aware
    training, arXiv 2411.09127).
    """
    widths = {slot: count.detach().requires_grad_() for slot, count in expected.items()}
    with torch.enable_grad():
        cost = complexity(architecture, widths, reference, s, r)
        slopes = torch.autograd.grad(cost.sum(), list(widths.values()))
    return {slot: nu * slope for slot, slope in zip(widths, slopes, strict=True)}


def expected_units(
    architecture: Architecture, units: Mapping[str, int], theta: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return slot -> expected units [R]: the sum of theta [R, n] where a slot is gated.

    A flattened slot without gates has the expected number of features that its channels leave.
    """
    like = next(iter(theta.values())).sum(1)
    expected: dict[str, Tensor] = {}
    for slot in architecture.slots:
        if slot.name in theta:
            expected[slot.name] = theta[slot.name].sum(1)
        elif slot.parent:
            expected[slot.name] = expected[slot.parent] * slot.positions
        else:
            expected[slot.name] = torch.full_like(like, units[slot.name])
    return expected
