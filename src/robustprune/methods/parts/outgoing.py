"""The outgoing weights of units: those that read a unit, for channels those that read their flattened features.

The outgoing weights of a section's gate are those by which the section adds to its stream.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.stacked import StackedNetwork, membership


def outgoing_layer(architecture: Architecture, slot: str) -> Layer:
    """Return the layer with a slot's outgoing weights."""
    return architecture.output(slot) if slot in architecture.sections else architecture.reader(slot)


def outgoing_weights(architecture: Architecture, units: Mapping[str, int], slot: str) -> int:
    """Return the number of outgoing weights of one unit of a slot, in a network with these units."""
    layer = architecture.reader(slot)
    positions = architecture.slot(layer.reads).positions if layer.reads and layer.reads != slot else 1
    return positions * layer.kernel**2 * (units[layer.writes] if layer.writes else architecture.classes)


def over_outgoing(network: StackedNetwork, slot: str, values: Tensor) -> Tensor:
    """Return sums [R, n] of values over each unit's outgoing weights; values are shaped like the layer's weight."""
    architecture = network.architecture
    if slot in architecture.sections:
        return values.flatten(1).sum(1, keepdim=True)[:, : network.kept[slot].shape[1]]  # no place without a section
    layer = architecture.reader(slot)
    sums = values.sum((1, *range(3, values.dim())))
    if layer.reads is None or layer.reads == slot:
        return sums  # any other layer reads a channel through its flattened features
    belongs = membership(network.kept[layer.reads], architecture.slot(layer.reads).positions, network.kept[slot])
    return torch.bmm(sums.unsqueeze(1), belongs.to(sums.dtype)).squeeze(1)
