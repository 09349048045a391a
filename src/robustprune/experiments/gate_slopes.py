"""Slopes of the loss in a gate, with the gate open and with it closed, of every unit of a finished network.

They give the mean of each estimator of DL that sees first derivatives (docs/method.md 4), at every keep probability.
"""

import torch
from torch import Tensor

from robustprune.experiments.probes.exact import inputs_of, multiplied
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import Gated, StackedNetwork

SLOPES = ("slope_open", "slope_closed", "square_open", "square_closed")


def gate_slopes(network: StackedNetwork, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Return slot -> [n, 4], the SLOPES of every unit of a network of one replicate, all other gates open.

    slope: mean over images of the derivative g of the loss in the gate, in nats; square: mean of g squared. open: at
    the gate 1, closed: at 0. images [N, 784] in [0, 1], labels [N].
    """
    found, pixels = {}, inputs_of(network, images)
    opened = {slot: torch.ones(1, len(labels), count) for slot, count in network.places().items()}
    for slot, gates in opened.items():
        at_one = _moments(network, pixels, labels, slot, gates)
        columns = []
        for unit in range(gates.shape[2]):
            closed = gates.clone()
            closed[:, :, unit] = 0
            at_zero = _moments(network, pixels, labels, slot, closed)
            columns.append(torch.stack([at_one[0, unit], at_zero[0, unit], at_one[1, unit], at_zero[1, unit]]))
        found[slot] = torch.stack(columns) if columns else torch.zeros(0, len(SLOPES))
    return found


def _moments(network: StackedNetwork, pixels: Tensor, labels: Tensor, slot: str, gates: Tensor) -> Tensor:
    """Return the mean of the derivatives in the gates [1, N, n] of a slot, and that of their squares: [2, n]."""
    gates = gates.to(pixels.dtype).requires_grad_(True)
    scores = network.forward(pixels, Gated(multiplied({slot: gates})))
    losses = cross_entropy(scores, labels.unsqueeze(0))
    (slopes,) = torch.autograd.grad(losses.sum(), gates)
    return torch.stack([slopes[0].mean(0), slopes[0].square().mean(0)])
