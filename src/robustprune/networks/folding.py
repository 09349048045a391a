"""From gates to a deterministic network: fold gates into weights, delete what is dead (docs/baselines.md 0.4).

Everything here works on one replicate: weights "<layer>.weight" [out, in(, k, k)] and kept original indices per slot.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture, Layer

Weights = dict[str, Tensor]
Kept = dict[str, Tensor]


def fold_gates(architecture: Architecture, weights: Weights, gates: Mapping[str, Tensor], kept: Kept) -> Weights:
    """Multiply each gate (after activation and pooling) into what the next layer reads; slot -> gate [n].

    Gates may be negative or larger than one. A channel's gate multiplies all its flattened features' columns.
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
    """Delete units that nothing reads or that are constant, to a fixed point; the function computed is unchanged.

    A unit with all-zero outgoing weights goes (0.4 a, c, e); one with all-zero incoming weights is a constant that
    moves into the next bias first (b); flattened features follow their channel (d). One unit per slot always stays.
    """
    while True:
        alive = {slot.name: _read(architecture, weights, slot.name, kept) for slot in architecture.slots}
        for layer in architecture.layers:
            if layer.writes:
                weights = _fold_constants(architecture, weights, layer, alive, kept)
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
    """Which units [n] of a slot have a non-zero outgoing weight."""
    layer = architecture.reader(slot)
    weight = weights[f"{layer.name}.weight"]
    read = weight.flatten(2).abs().sum((0, 2)) != 0 if weight.dim() > 2 else (weight != 0).any(0)
    if layer.reads == slot:
        return read
    channels = kept[layer.reads][read] // architecture.slot(layer.reads).positions
    return torch.isin(kept[slot], channels)


def _fold_constants(
    architecture: Architecture, weights: Weights, layer: Layer, alive: dict[str, Tensor], kept: Kept
) -> Weights:
    """Move units that read nothing (constant ReLU(bias)) into the next layer's bias and mark them dead."""
    slot = layer.writes
    constant = (weights[f"{layer.name}.weight"].flatten(1) == 0).all(1)
    if not bool(constant.any()) or bool(constant.all()):
        return weights
    reader = architecture.reader(slot)
    place = _places(architecture, slot, kept) if reader.reads != slot else slice(None)
    outgoing = weights[f"{reader.name}.weight"]
    columns = outgoing.flatten(2).sum(2) if outgoing.dim() > 2 else outgoing
    value = (weights[f"{layer.name}.bias"].relu() * constant)[place]
    alive[slot] &= ~constant
    open_columns = (~constant)[place].to(outgoing.dtype).view(1, -1, *[1] * (outgoing.dim() - 2))
    return {
        **weights,
        f"{reader.name}.bias": weights[f"{reader.name}.bias"] + columns @ value,
        f"{reader.name}.weight": outgoing * open_columns,
    }


def _places(architecture: Architecture, slot: str, kept: Kept) -> Tensor:
    """For each kept flattened feature below a convolutional slot, the place of its channel."""
    flattened = next(child for child in architecture.slots if child.parent == slot)
    return torch.searchsorted(kept[slot], kept[flattened.name] // flattened.positions)


def select_units(architecture: Architecture, weights: Weights, alive: Mapping[str, Tensor]) -> Weights:
    """The weights of the units that are alive; slot -> bool [n]."""
    out = {}
    for layer in architecture.layers:
        weight, bias = weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]
        if layer.writes:
            weight, bias = weight[alive[layer.writes]], bias[alive[layer.writes]]
        out[f"{layer.name}.weight"] = weight[:, alive[layer.reads]] if layer.reads else weight
        out[f"{layer.name}.bias"] = bias
    return out
