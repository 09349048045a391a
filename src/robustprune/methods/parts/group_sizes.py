"""How many weights a gate switches and what they cost, as the L0 papers count them (docs/baselines.md sections 1 and
2)."""

import math
from collections.abc import Mapping

from robustprune.methods.parts.base import Context
from robustprune.networks.architecture import Architecture


def weights_per_gate(architecture: Architecture, units: Mapping[str, int], slot: str, bias: bool) -> int:
    """Weights that go with one unit of a slot in the starting network: those of its filter (with `bias`: its bias too)
    for a convolution's output, else the outgoing ones of a unit or feature."""
    convolution = architecture.convolution(slot)
    if convolution:
        return (units[convolution.reads] if convolution.reads else 1) * convolution.kernel**2 + int(bias)
    reader = architecture.reader(slot)
    return units[reader.writes] if reader.writes else architecture.classes


def l0_prices(context: Context, l0_lambda: float | Mapping[str, float], bias: bool) -> dict[str, float]:
    """Slot -> what an open gate costs in nats of mean cross-entropy: lambda times its weights over N."""
    return {
        slot: per_slot(l0_lambda, slot)
        * weights_per_gate(context.architecture, context.units, slot, bias)
        / context.train_size
        for slot in context.gated
    }


def l0_start(slot: str) -> float:
    """log((1 - p) / p) with p = 0.2 for the input's gates and 0.5 elsewhere: where gates start."""
    p = 0.2 if slot == "input" else 0.5
    return math.log((1 - p) / p)


def per_slot(value: float | Mapping[str, float], slot: str) -> float:
    """A strength given once for all slots, or by slot."""
    return value[slot] if isinstance(value, Mapping) else value
