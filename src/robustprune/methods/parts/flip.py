"""The estimator `flip` of DL for the gates of whole sections (docs/layers.md).

A section changes the loss a lot, so estimates from slopes are biased. Sections are few, so each can be tried: the
batch is computed again with the gate of one section flipped in every example. Each network tries sections that it has
left itself, so that it does not depend on the other networks of its cell.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Gates = Mapping[str, Tensor]
"""Slot -> gates xi [R, B or 1, n] in {0, 1}."""
Tries = dict[str, list[bool]]
"""Section -> for each network, whether its gate is flipped in a pass."""


def flip(losses: Tensor, xi: Gates, tries: Tries, loss: Callable[[Gates], Tensor]) -> dict[str, Tensor]:
    """Return section -> DL [R, 1]: the mean of L(1) - L(0) over the examples, given their other gates.

    losses [R, B]: those of the step, under the gates xi. loss maps gates to losses [R, B]. It is unbiased for every
    theta, 0 and 1 included, where the network tries the section, and 0 where it does not.
    """
    chosen = {gate: None if all(own) else losses.new_tensor(own).bool() for gate, own in tries.items()}
    difference = losses - loss({**xi, **{gate: _flipped(xi[gate], own) for gate, own in chosen.items()}})
    found = {gate: ((2 * xi[gate].squeeze(2) - 1) * difference).mean(1, keepdim=True) for gate in tries}
    return {gate: found[gate] if own is None else found[gate] * own.unsqueeze(1) for gate, own in chosen.items()}


def _flipped(xi: Tensor, networks: Tensor | None) -> Tensor:
    """Return the gates of a section [R, B or 1, 1], flipped in some networks (bool [R]) or, None, in all."""
    return 1 - xi if networks is None else torch.where(networks.view(-1, 1, 1), 1 - xi, xi)


def passes(left: Sequence[Sequence[str]], step: int, all_at_once: bool) -> list[Tries]:
    """Return the further passes of a step: every network tries all its sections, a pass each, or one of them in turn.

    left: the sections that each network has. All at once, a pass flips the gate in every network, as steps that are
    recorded on a GPU must not copy from the host; a network that has not got the section only has padding there.
    """
    gates = list(dict.fromkeys(gate for own in left for gate in own))
    if all_at_once:
        return [{gate: [True] * len(left)} for gate in gates]
    turn = [own[step % len(own)] if own else None for own in left]
    tries = {gate: [gate == own for own in turn] for gate in gates if gate in turn}
    return [tries] if tries else []


def turns(like: Mapping[str, Tensor], left: Sequence[Sequence[str]], tries: Tries) -> dict[str, Tensor]:
    """Return slot -> factor [R, n] on the steps of its gates: 1 for units; of a network's sections, their number for
    the one that it tries and 0 for the others.

    A section that is not tried in this step does not move. like: slot -> tensor [R, n]; left: the sections that each
    network has. In a whole round every section moves as far as if it were tried in every step.
    """
    factors = {slot: torch.ones_like(tensor) for slot, tensor in like.items()}
    for gate in {gate for own in left for gate in own}:
        tried = tries.get(gate, [False] * len(left))
        moves = [float(len(own)) if mine else 0.0 for own, mine in zip(left, tried, strict=True)]
        factors[gate] = factors[gate].new_tensor(moves).unsqueeze(1)
    return factors
