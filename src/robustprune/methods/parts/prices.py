"""Prices of a unit: what a gate must save in nats of mean cross-entropy to stay (docs/method.md section 5)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture
from robustprune.networks.size import macs, parameters


def complexity_prices(
    architecture: Architecture,
    expected: Mapping[str, Tensor],
    dense: Mapping[str, int],
    nu: float,
    s: float,
) -> dict[str, Tensor]:
    """c = nu [ s dE[MACs]/dtheta / MACs_dense + (1 - s) dE[params]/dtheta / params_dense ] per slot -> [R].

    expected: slot -> expected units [R] (the sum of theta; the count where a slot is not gated). All gates of a slot
    share one price, since both counts are multilinear in the slots' widths. Source: complexity-aware training,
    arXiv 2411.09127; dense: units of the starting network.
    """
    widths = {slot: count.detach().requires_grad_() for slot, count in expected.items()}
    with torch.enable_grad():
        cost = s * macs(architecture, widths) / macs(architecture, dense)
        cost = cost + (1 - s) * parameters(architecture, widths) / parameters(architecture, dense)
        slopes = torch.autograd.grad(cost.sum(), list(widths.values()))
    return {slot: nu * slope for slot, slope in zip(widths, slopes, strict=True)}


def expected_units(
    architecture: Architecture, units: Mapping[str, int], theta: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Expected units per slot [R]: the sum of theta [R, n], and where a slot is not gated what its parent leaves."""
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
