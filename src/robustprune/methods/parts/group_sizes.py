"""Number of weights that a gate controls, and its price in the L0 papers (docs/baselines.md sections 1 and 2)."""

import math
from collections.abc import Mapping

from robustprune.methods.parts.base import Context
from robustprune.networks.architecture import Architecture


def weights_per_gate(architecture: Architecture, units: Mapping[str, int], slot: str, bias: bool) -> int:
    """Return the number of weights that one unit of a slot controls in the starting network.

    A unit of a convolutional slot controls its filter, with `bias` also the filter's bias. Any other unit or feature
    controls its outgoing weights.
    """
    convolution = architecture.convolution(slot)
    if convolution:
        return (units[convolution.reads] if convolution.reads else 1) * convolution.kernel**2 + int(bias)
    reader = architecture.reader(slot)
    return units[reader.writes] if reader.writes else architecture.classes


def l0_prices(context: Context, l0_lambda: float | Mapping[str, float], bias: bool) -> dict[str, float]:
    """Return slot -> price of an open gate in nats of mean cross-entropy: lambda times its weights over N."""
    return {
        slot: per_slot(l0_lambda, slot)
        * weights_per_gate(context.architecture, context.units, slot, bias)
        / context.train_size
        for slot in context.gated
    }


def l0_start(slot: str) -> float:
    """Return the initial log((1 - p) / p) of a slot's gates, with p = 0.2 for the input and 0.5 elsewhere."""
    p = 0.2 if slot == "input" else 0.5
    return math.log((1 - p) / p)


def per_slot(value: float | Mapping[str, float], slot: str) -> float:
    """Return the value of a setting that holds one number for all slots, or one number per slot."""
    return value[slot] if isinstance(value, Mapping) else value
