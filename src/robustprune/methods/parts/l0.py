"""What the two L0 methods share: their strength, the price of a gate and its start (docs/baselines.md 1 and 2)."""

import math
from typing import Literal

from pydantic import Field, PositiveFloat

from robustprune.methods.parts.base import Context
from robustprune.methods.parts.group_sizes import per_slot, weights_per_gate
from robustprune.methods.parts.phased import PhaseSettings


class L0Settings(PhaseSettings):
    """Strength, and the network whose weights it prices."""

    l0_lambda: PositiveFloat | dict[str, PositiveFloat] = Field(
        description="price of a weight in nats of the whole data set, or by slot"
    )
    price_of: Literal["start", "standard"] = Field(
        "start", description="whose weights make the price of a unit: the starting network's, or those of width 1"
    )


def l0_prices(context: Context, settings: L0Settings, bias: bool) -> dict[str, float]:
    """Return slot -> price of an open gate in nats of mean cross-entropy: lambda times its weights over N."""
    units = context.architecture.units() if settings.price_of == "standard" else context.units
    return {
        slot: per_slot(settings.l0_lambda, slot)
        * weights_per_gate(context.architecture, units, slot, bias)
        / context.train_size
        for slot in context.gated
    }


def l0_start(slot: str) -> float:
    """Return the initial log((1 - p) / p) of a slot's gates, with p = 0.2 for the input and 0.5 elsewhere."""
    p = 0.2 if slot == "input" else 0.5
    return math.log((1 - p) / p)
