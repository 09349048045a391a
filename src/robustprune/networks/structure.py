"""Validation of architectures.

The layers compute a chain: 28 x 28 grey images, 5 x 5 convolutions without padding, each pooled 2 x 2, then linear
layers, 10 classes. Behind each layer there may be sections of two layers, which read and add to what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robustprune.networks.architecture import Architecture, Layer

SIDE, CLASSES, KERNEL = 28, 10, 5


def problem(architecture: Architecture, name: str) -> str | None:
    """Return the first error of the architecture in a file called `name`, or None."""
    return next(_problems(architecture, name), None)


def _problems(architecture: Architecture, name: str) -> Iterator[str]:
    if architecture.name != name:
        yield f"the architecture is called {architecture.name!r}; call it {name!r}, as its file is"
    if architecture.classes != CLASSES:
        yield f"it has {architecture.classes} classes; only {CLASSES} are supported"
    if not architecture.layers or architecture.layers[-1].writes is not None:
        yield "the last layer writes a slot; write None there (the class scores)"
    yield from _slots(architecture)
    yield from _sections(architecture)
    yield from _order(architecture)


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
        if (slot.name == "input" or slot.parent or slot.section) and slot.hidden:
            yield f"slot {slot.name}: write hidden=False; it does not scale with the width"
        if slot.name == "input" and slot.units != SIDE**2:
            yield f"slot input: {slot.units} units; the images have {SIDE**2} pixels"


def _sections(architecture: Architecture) -> Iterator[str]:
    gates = [slot.name for slot in architecture.slots if slot.section]
    inside = {layer.writes for layer in architecture.layers if layer.within and not layer.adds}
    for layer in architecture.layers:
        if layer.within is not None and layer.within not in gates:
            yield f"layer {layer.name}: within={layer.within!r} is no gate of a section (section=True)"
    for slot in architecture.slots:
        if slot.section and (slot.units != 1 or not slot.optional):
            yield f"slot {slot.name}: the gate of a section has 1 unit and optional=True"
        if slot.section and all(layer.within != slot.name for layer in architecture.layers):
            yield f"slot {slot.name}: no layer lies within this section"
        if slot.optional != (slot.section or slot.name in inside):
            yield f"slot {slot.name}: optional=True is for the gates and the inner slots of sections"


def _order(architecture: Architecture) -> Iterator[str]:
    """Yield the errors of layers that do not read what the layer before wrote; a section is one layer here."""
    side = SIDE  # rows of the image, or of the last feature maps
    written: str | None = None
    for layer in architecture.layers:
        if layer.within:
            yield from _in_section(architecture, layer, written, side)
            continue
        if layer.kernel > 1:
            side -= KERNEL - 1
            yield from _convolution(layer, side)
            side //= 2
        elif written is None and layer.reads != "input":
            yield f"layer {layer.name}: a first layer that is linear reads the slot input (hidden=False)"
        source = layer.reads
        for slot in architecture.slots:
            if slot.parent is None or slot.name != layer.reads:
                continue
            source, parent = slot.parent, architecture.slot(slot.parent)
            if slot.positions != side**2 or slot.units != parent.units * side**2:
                yield (
                    f"slot {slot.name}: expected {parent.units * side**2} units and positions={side**2} "
                    f"({parent.units} channels of {side} x {side}), found {slot.units} and {slot.positions}"
                )
        if written is not None and source != written:
            yield f"layer {layer.name}: reads {layer.reads}; expected {written}, which the layer before it writes"
        if layer.adds or layer.same or not layer.bias:
            yield f"layer {layer.name}: adds, same and bias=False are for layers of a section (within)"
        if layer.kernel == 1:
            side = 1
        written = layer.writes


def _in_section(architecture: Architecture, layer: Layer, stream: str | None, side: int) -> Iterator[str]:
    """Yield the errors of a layer of a section on `stream`, whose maps have `side` rows."""
    where = f"layer {layer.name}"
    own = [other for other in architecture.layers if other.within == layer.within]
    if stream is None or len(own) != 2 or (own[0].reads, own[1].writes) != (stream, stream):
        yield f"{where}: a section has two layers, from the slot that was written last ({stream}) and back to it"
        return
    first, last = own
    if first.writes is None or last.reads != first.writes or not last.adds or first.adds or last.bias:
        yield f"{where}: the second layer of section {layer.within} reads what the first writes, adds, has bias=False"
    if not first.bias:
        yield f"{where}: the first layer of section {layer.within} has a bias"
    if (layer.kernel > 1) != layer.same or layer.kernel % 2 == 0:
        yield f"{where}: a convolution in a section has an odd kernel and same=True; found {layer.kernel}"
    if (layer.kernel > 1 and side == 1) or layer.positions != (side**2 if layer.kernel > 1 else 1):
        yield f"{where}: expected kernel 1, or maps with positions={side}**2; found {layer.kernel}, {layer.positions}"
    if layer.kernel == 1 and side > 1:
        yield f"{where}: {stream} holds maps of {side} x {side}; give the section a kernel above 1"


def _convolution(layer: Layer, rows: int) -> Iterator[str]:
    if layer.kernel != KERNEL:
        yield f"layer {layer.name}: kernel {layer.kernel}; only {KERNEL} (convolution) and 1 (linear) are supported"
    elif rows < 2 or rows % 2:
        yield f"layer {layer.name}: maps of {rows} x {rows} cannot be pooled 2 x 2; leave this convolution out"
    elif layer.positions != rows**2:
        yield f"layer {layer.name}: expected positions={rows}**2, found {layer.positions}"
