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
    columns of all its flattened features, that of a section all that the section adds to its stream.
    """
    folded = dict(weights)
    for slot, gate in gates.items():
        if slot in architecture.sections:
            name = f"{architecture.output(slot).name}.weight"
            folded[name] = folded[name] * gate.to(folded[name].dtype).sum()  # no gate is left of a closed section
            continue
        layer = architecture.reader(slot)
        if layer.reads != slot:  # a convolutional slot read through its flattened one
            gate = gate[_places(architecture, slot, kept)]
        weight = folded[f"{layer.name}.weight"]
        folded[f"{layer.name}.weight"] = weight * gate.to(weight.dtype).view(1, -1, *[1] * (weight.dim() - 2))
    return folded


def remove_dead(architecture: Architecture, weights: Weights, kept: Kept) -> tuple[Weights, Kept]:
    """Delete units that no layer reads and units that are constant, repeatedly; the network computes the same.

    A unit with all-zero outgoing weights is deleted (0.4 a, c, e). A unit with all-zero incoming weights is constant:
    it is moved into the next bias first (b); inside a section, where there is no such bias, it is deleted if it is 0.
    Flattened features leave with their channel (d). A section leaves with its last unit. One unit per slot stays where
    the slot may not end empty. The units of a stream stay.
    """
    streams = architecture.streams
    chained = [slot for slot in architecture.slots if slot.name not in streams and not slot.section]
    while True:
        alive = {slot: torch.ones_like(kept[slot], dtype=torch.bool) for slot in (*streams, *architecture.sections)}
        alive |= {slot.name: _read(architecture, weights, slot.name, kept) for slot in chained}
        for layer in architecture.layers:
            if layer.writes and layer.writes not in streams:
                weights = _fold_constants(architecture, weights, layer.name, layer.writes, alive, kept)
        close_sections(architecture, alive)
        for slot in architecture.slots:
            if slot.parent and slot.parent not in streams:
                channel = _places(architecture, slot.parent, kept)
                alive[slot.name] &= alive[slot.parent][channel]
            if not slot.optional and not alive[slot.name].any():
                alive[slot.name][0] = True
                if slot.parent and slot.parent not in streams:
                    alive[slot.parent][channel[0]] = True
        if all(bool(mask.all()) for mask in alive.values()):
            return weights, kept
        weights = select_units(architecture, weights, alive)
        kept = {slot: indices[alive[slot]] for slot, indices in kept.items()}


def close_sections(architecture: Architecture, alive: Mapping[str, Tensor]) -> None:
    """Close the gate of a section without units, and remove the units of a section whose gate is closed, in place.

    alive: slot -> bool [n] or [R, n].
    """
    for gate, inside in architecture.sections.items():
        is_open = alive[gate].any(-1, keepdim=True) & alive[inside].any(-1, keepdim=True)
        alive[gate].logical_and_(is_open)
        alive[inside].logical_and_(is_open)


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
    reader = architecture.reader(slot)
    if not reader.bias:
        alive[slot] &= ~constant | (weights[f"{layer}.bias"] > 0)
        return weights
    if not bool(constant.any()) or bool(constant.all()):
        return weights
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
        for kind in ("weight", "bias") if layer.bias else ("weight",):
            tensor = weights[f"{layer.name}.{kind}"]
            tensor = tensor[alive[layer.writes]] if layer.writes else tensor
            inputs = layer.reads if kind == "weight" else None
            out[f"{layer.name}.{kind}"] = tensor[:, alive[inputs]] if inputs else tensor
    return out
