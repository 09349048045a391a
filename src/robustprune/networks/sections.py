"""Sections: gated parts of a network with a skip around them (docs/layers.md)."""

import math

from robustprune.networks.architecture import Layer, Slot

GATE = "_gate"
"""The end of the name of a section's gate."""


def bottleneck(
    name: str, stream: str, units: int, depth: int, kernel: int = 1, positions: int = 1
) -> tuple[tuple[Slot, Slot], tuple[Layer, Layer]]:
    """Return slots and layers of a section h + xi U relu(V h + v) with `units` units inside.

    depth: the number of sections on the stream; U is drawn with gain 1/sqrt(depth), so that the stream does not grow
    with it. kernel: of both convolutions, 1 for linear layers; positions: those of the maps. U has no bias: a section
    whose units are all gone and one whose gate is closed are then the same function.
    """
    gate = name + GATE
    slots = Slot(name, units, optional=True), Slot(gate, 1, hidden=False, optional=True, section=True)
    same = kernel > 1
    layers = (
        Layer(f"{name}_in", stream, name, kernel, positions, within=gate, same=same),
        Layer(
            f"{name}_out",
            name,
            stream,
            kernel,
            positions,
            within=gate,
            adds=True,
            bias=False,
            gain=1 / math.sqrt(depth),
            same=same,
        ),
    )
    return slots, layers


def bottlenecks(
    names: list[str], stream: str, units: int, kernel: int = 1, positions: int = 1
) -> tuple[list[Slot], list[Layer]]:
    """Return slots and layers of several sections on one stream, the first one lowest."""
    slots: list[Slot] = []
    layers: list[Layer] = []
    for name in names:
        own_slots, own_layers = bottleneck(name, stream, units, len(names), kernel, positions)
        slots += own_slots
        layers += own_layers
    return slots, layers
