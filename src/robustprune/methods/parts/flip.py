"""The estimator `flip` of DL for the gates of whole sections (docs/layers.md).

A section changes the loss a lot, so estimates from slopes are biased. Sections are few, so each can be tried: the
batch is computed again with the gate of one section flipped in every example.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Gates = Mapping[str, Tensor]
"""Slot -> gates xi [R, B or 1, n] in {0, 1}."""


def flip(losses: Tensor, xi: Gates, gate: str, loss: Callable[[Gates], Tensor]) -> Tensor:
    """Return DL [R, 1] of a section: the mean of L(1) - L(0) over the examples, given their other gates.

    losses [R, B]: those of the step, under the gates xi. loss maps gates to losses [R, B]. It is unbiased for every
    theta, 0 and 1 included.
    """
    other = loss({**xi, gate: 1 - xi[gate]})
    sign = 2 * xi[gate].squeeze(2) - 1
    return (sign * (losses - other)).mean(1, keepdim=True)


def sections_of_step(gates: Sequence[str], step: int, all_at_once: bool) -> list[str]:
    """Return the sections to try in a step: all of them, or one in turn."""
    return list(gates) if all_at_once or not gates else [gates[step % len(gates)]]


def turns(like: Mapping[str, Tensor], gates: Sequence[str], chosen: Sequence[str]) -> dict[str, Tensor]:
    """Return slot -> factor [1, n] on the steps of its gates: 1 for units, the number of sections for the chosen ones.

    A section that is not tried in this step does not move. like: slot -> tensor [R, n]; gates: those that are tried in
    turn. In a whole round every section moves as far as if it were tried in every step.
    """
    factors = {slot: torch.ones_like(tensor[:1]) for slot, tensor in like.items()}
    for gate in gates:
        factors[gate].fill_(len(gates) / len(chosen) if gate in chosen else 0)
    return factors
