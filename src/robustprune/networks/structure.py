"""Whether an architecture describes a network that the layers can compute: 28 x 28 grey images, 10 classes, in a chain
of 5 x 5 convolutions without padding, each pooled 2 x 2, then linear layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustprune.networks.architecture import Architecture, Layer

SIDE, CLASSES, KERNEL = 28, 10, 5


def problem(architecture: Architecture, name: str) -> str | None:
    """The first thing that is wrong with the architecture of a file called `name`, or None."""
    return next(_problems(architecture, name), None)


def _problems(architecture: Architecture, name: str) -> Iterator[str]:
    if architecture.name != name:
        yield f"the architecture is called {architecture.name!r}; call it {name!r}, as its file is"
    if architecture.classes != CLASSES:
        yield f"it has {architecture.classes} classes; only {CLASSES} can be had"
    if not architecture.layers or architecture.layers[-1].writes is not None:
        yield "the last layer's target is not None (the class scores)"
    yield from _slots(architecture)
    yield from _chain(architecture)


def _slots(architecture: Architecture) -> Iterator[str]:
    names = [slot.name for slot in architecture.slots]
    if len({*names}) < len(names):
        yield f"slots {', '.join(names)}: each name may be used once"
    for layer in architecture.layers:
        for end in (layer.reads, layer.writes):
            if end is not None and end not in names:
                yield f"layer {layer.name}: there is no slot {end!r} (slots: {', '.join(names)})"
    for slot in architecture.slots:
        if slot.units < 1:
            yield f"slot {slot.name}: {slot.units} units; at least 1 is needed"
        if (slot.name == "input" or slot.parent) and slot.hidden:
            yield f"slot {slot.name}: write hidden=False; it does not scale with the width"
        if slot.name == "input" and slot.units != SIDE**2:
            yield f"slot input: {slot.units} units; the images have {SIDE**2} pixels"


def _chain(architecture: Architecture) -> Iterator[str]:
    """Every layer reads what the one before it wrote; `side`: rows of the image or of the last feature maps."""
    side, written = SIDE, None
    for layer in architecture.layers:
        if layer.kernel > 1:
            side -= KERNEL - 1
            yield from _convolution(layer, side)
            side //= 2
        elif written is None and layer.reads != "input":
            yield f"layer {layer.name}: a first layer that is linear reads the slot input (hidden=False)"
        flattened = [slot for slot in architecture.slots if slot.parent and slot.name == layer.reads]
        for slot in flattened:
            parent = architecture.slot(slot.parent)
            if slot.positions != side**2 or slot.units != parent.units * side**2:
                yield (
                    f"slot {slot.name}: expected {parent.units * side**2} units and positions={side**2} "
                    f"({parent.units} channels of {side} x {side}), found {slot.units} and {slot.positions}"
                )
        source = flattened[0].parent if flattened else layer.reads
        if written is not None and source != written:
            yield f"layer {layer.name}: reads {layer.reads}; expected {written}, which the layer before it writes"
        written = layer.writes


def _convolution(layer: Layer, rows: int) -> Iterator[str]:
    if layer.kernel != KERNEL:
        yield f"layer {layer.name}: kernel {layer.kernel}; only {KERNEL} (convolution) and 1 (linear) can be had"
    elif rows < 2 or rows % 2:
        yield f"layer {layer.name}: maps of {rows} x {rows} cannot be pooled 2 x 2; leave this convolution out"
    elif layer.positions != rows**2:
        yield f"layer {layer.name}: expected positions={rows}**2, found {layer.positions}"
