"""From gates to a deterministic network: fold gates into weights, delete dead units (docs/baselines.md 0.4).

All functions take one replicate: weights "<layer>.weight" [out, in(, k, k)] and kept original indices per slot.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture, Slot

Weights = dict[str, Tensor]
Kept = dict[str, Tensor]


def fold_gates(architecture: Architecture, weights: Weights, gates: Mapping[str, Tensor], kept: Kept) -> Weights:
    """Multiply gates, slot -> [n], into the weights of the layers that read the gated units.

    Gates act after activation and pooling, and may be negative or larger than one. The gate of a channel multiplies the
    columns of all its flattened features.
    """
    folded = dict(weights)
    for slot, gate in gates.items():
        layer = architecture.reader(slot)
        if layer.reads != slot:  # a convolutional slot read through its flattened one
            gate = gate[_places(architecture, slot, kept)]
        weight = folded[f"{layer.name}.weight"]
        folded[f"{layer.name}.weight"] = weight * gate.to(weight.dtype).view(1, -1, *[1] * (weight.dim() - 2))
    return folded


def remove_dead(architecture: Architecture, weights: Weights, kept: Kept) -> tuple[Weights, Kept]:
    """Delete units that no layer reads and units that are constant, repeatedly; the network computes the same.

    A unit with all-zero outgoing weights is deleted (0.4 a, c, e). A unit with all-zero incoming weights is constant:
    it is moved into the next bias first (b). Flattened features leave with their channel (d). One unit per slot stays.
    """
    while True:
        alive = {slot.name: _read(architecture, weights, slot.name, kept) for slot in architecture.slots}
        for layer in architecture.layers:
            if layer.writes:
                weights = _fold_constants(architecture, weights, layer.name, layer.writes, alive, kept)
        for slot in architecture.slots:
            if slot.parent:
                channel = _places(architecture, slot.parent, kept)
                alive[slot.name] &= alive[slot.parent][channel]
            if not alive[slot.name].any():
                alive[slot.name][0] = True
                if slot.parent:
                    alive[slot.parent][channel[0]] = True
        if all(bool(mask.all()) for mask in alive.values()):
            return weights, kept
        weights = select_units(architecture, weights, alive)
        kept = {slot: indices[alive[slot]] for slot, indices in kept.items()}


def _read(architecture: Architecture, weights: Weights, slot: str, kept: Kept) -> Tensor:
    """Return which units [n] of a slot have a non-zero outgoing weight."""
    layer = architecture.reader(slot)
    weight = weights[f"{layer.name}.weight"]
    read = weight.flatten(2).abs().sum((0, 2)) != 0 if weight.dim() > 2 else (weight != 0).any(0)
    if layer.reads == slot:
        return read
    flattened = _flattened(architecture, slot)
    return torch.isin(kept[slot], kept[flattened.name][read] // flattened.positions)


def _fold_constants(
    architecture: Architecture, weights: Weights, layer: str, slot: str, alive: dict[str, Tensor], kept: Kept
) -> Weights:
    """Move units without incoming weights (constant ReLU(bias)) into the next layer's bias; mark them dead."""
    constant = (weights[f"{layer}.weight"].flatten(1) == 0).all(1)
    if not bool(constant.any()) or bool(constant.all()):
        return weights
    reader = architecture.reader(slot)
    place = _places(architecture, slot, kept) if reader.reads != slot else slice(None)
    outgoing = weights[f"{reader.name}.weight"]
    columns = outgoing.flatten(2).sum(2) if outgoing.dim() > 2 else outgoing
    value = (weights[f"{layer}.bias"].relu() * constant)[place]
    alive[slot] &= ~constant
    open_columns = (~constant)[place].to(outgoing.dtype).view(1, -1, *[1] * (outgoing.dim() - 2))
    return {
        **weights,
        f"{reader.name}.bias": weights[f"{reader.name}.bias"] + columns @ value,
        f"{reader.name}.weight": outgoing * open_columns,
    }


def _places(architecture: Architecture, slot: str, kept: Kept) -> Tensor:
    """Return the place of its channel for each kept feature of the flattened slot below a convolutional one."""
    flattened = _flattened(architecture, slot)
    return torch.searchsorted(kept[slot], kept[flattened.name] // flattened.positions)


def _flattened(architecture: Architecture, slot: str) -> Slot:
    """Return the flattened slot below a convolutional one."""
    return next(child for child in architecture.slots if child.parent == slot)


def select_units(architecture: Architecture, weights: Weights, alive: Mapping[str, Tensor]) -> Weights:
    """Return the weights between the units that are alive, slot -> bool [n]."""
    out = {}
    for layer in architecture.layers:
        weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
        if layer.writes:
            weight, bias = weight[alive[layer.writes]], bias[alive[layer.writes]]
        out[f"{layer.name}.weight"] = weight[:, alive[layer.reads]] if layer.reads else weight
        out[f"{layer.name}.bias"] = bias
    return out
