"""Architectures as data: slots where units are gated, and the layers between them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.networks.structure import problem


@dataclass(frozen=True)
class Slot:
    """A place in the network where units can be switched off.

    hidden: the number of units scales with the width factor; `Architecture.gated` says which slots a track gates.
    parent: the convolutional slot whose channels this flattened slot holds. positions: features per channel,
    channel-major (feature = channel * positions + position). optional: the slot may end empty, which is no collapse.
    section: the slot is the gate of a section, one unit that multiplies all that the section adds to its stream.
    """

    name: str
    units: int
    hidden: bool = True
    parent: str | None = None
    positions: int = 1
    optional: bool = False
    section: bool = False


@dataclass(frozen=True)
class Layer:
    """A linear (kernel 1) or convolutional layer from one slot to the next.

    reads: the slot that it reads, None for the image (one channel). writes: the slot that it writes, None for the class
    scores. positions: output positions per image, a factor of the multiply-accumulates. within: the gate of the section
    that holds the layer. adds: the output is added to the slot that it writes, without a ReLU; such a slot is a stream.
    bias: whether the layer has one. gain: a factor on its drawn weights. same: a convolution that pads with zeros to
    the size of its input and is not pooled.
    """

    name: str
    reads: str | None
    writes: str | None
    kernel: int = 1
    positions: int = 1
    within: str | None = None
    adds: bool = False
    bias: bool = True
    gain: float = 1.0
    same: bool = False


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network: slots in forward order and the layers that connect them.

    depth: the number of sections per stream, None for a network that is not made at different depths.
    """

    name: str
    slots: tuple[Slot, ...]
    layers: tuple[Layer, ...]
    classes: int = 10
    depth: int | None = None

    @cached_property
    def sections(self) -> dict[str, str]:
        """Gate of a section -> the slot inside the section."""
        inside = {layer.within: layer.writes for layer in self.layers if layer.writes and not layer.adds}
        return {slot.name: str(inside[slot.name]) for slot in self.slots if slot.section}

    @cached_property
    def streams(self) -> frozenset[str]:
        """The slots that sections read and add to."""
        return frozenset(layer.writes for layer in self.layers if layer.adds and layer.writes)

    def slot(self, name: str) -> Slot:
        """Return the slot of that name."""
        return next(slot for slot in self.slots if slot.name == name)

    def units(self, width: float = 1.0) -> dict[str, int]:
        """Return the units per slot of the starting network; hidden slots scale with `width`.

        Raises StudyError where the scaled count is not a whole number of at least one.
        """
        counts: dict[str, int] = {}
        for slot in self.slots:
            count: float = counts[slot.parent] * slot.positions if slot.parent else slot.units
            if slot.hidden and not slot.parent:
                count = count * width
                # decimal widths are inexact as floats: 100 * 1.1 is 110.00000000000001
                if round(count) < 1 or not math.isclose(count, round(count), rel_tol=1e-9):
                    raise StudyError(f"width {width:g}: slot {slot.name} of {self.name} would get {count:g} units")
            counts[slot.name] = round(count)
        return counts

    def shapes(self, units: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return parameter shapes for these units: "<layer>.weight" (out, in(, k, k)), "<layer>.bias" (out,)."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            inputs = units[layer.reads] if layer.reads else 1
            outputs = units[layer.writes] if layer.writes else self.classes
            kernel = (layer.kernel, layer.kernel) if layer.kernel > 1 else ()
            shapes[f"{layer.name}.weight"] = (outputs, inputs, *kernel)
            if layer.bias:
                shapes[f"{layer.name}.bias"] = (outputs,)
        return shapes

    def gated(self, track: str) -> tuple[str, ...]:
        """Return the slots that methods may prune on a track.

        full: all but the gates of sections; hidden: those of them that are hidden; layers: the gates of sections;
        joint: all. A stream, and features flattened from it, are never pruned: many layers read and write them.
        """
        chosen = []
        for slot in self.slots:
            if slot.section:
                wanted = track in ("layers", "joint")
            else:
                wanted = track in ("full", "joint") or (track == "hidden" and slot.hidden)
                wanted &= self.streams.isdisjoint((slot.name, slot.parent))
            chosen += [slot.name] if wanted else []
        return tuple(chosen)

    def section_gates(self, track: str) -> tuple[str, ...]:
        """Return the gates of sections that methods may close on a track."""
        return tuple(slot for slot in self.gated(track) if slot in self.sections)

    def readers(self, slot: str) -> list[Layer]:
        """Return the layers that read a slot; for channels that are flattened, the linear layer that reads these."""
        flattened = [child.name for child in self.slots if child.parent == slot]
        return [layer for layer in self.layers if layer.reads in [slot, *flattened]]

    def reader(self, slot: str) -> Layer:
        """Return the first of a slot's readers; only a stream has several. Raises IndexError for a section's gate."""
        return self.readers(slot)[0]

    def writer(self, slot: str) -> Layer | None:
        """Return the layer that computes the units of a slot, of a stream the first, of features that of the channels.

        None for the input and for the gate of a section.
        """
        name = self.slot(slot).parent or slot
        return next((layer for layer in self.layers if layer.writes == name), None)

    def output(self, gate: str) -> Layer:
        """Return the layer by which a section adds to its stream."""
        return next(layer for layer in self.layers if layer.within == gate and layer.adds)

    def convolution(self, slot: str) -> Layer | None:
        """Return the convolution whose channels a slot holds; None for any other slot."""
        writer = self.writer(slot)
        return writer if writer and writer.kernel > 1 and not self.slot(slot).parent else None


@dataclass(frozen=True)
class OfAnyDepth:
    """An architecture that is made at any depth: build(number of sections per stream) returns its slots and layers."""

    build: Callable[[int], Architecture]


STANDARD_DEPTH = 4
"""The depth of the network that prices are relative to where they are held over starting sizes."""


def architecture_names() -> list[str]:
    """Return the names of all architectures, in alphabetical order."""
    return registry.names("architecture")


def made_at_any_depth(name: str) -> bool:
    """Return whether the architecture of that name takes a depth; raises StudyError as `architecture` does."""
    return isinstance(registry.object_of("architecture", name, Architecture, OfAnyDepth), OfAnyDepth)


def architecture(name: str, depth: int | None = None) -> Architecture:
    """Return the architecture of that name, at a depth where it has one.

    Raises StudyError for an unknown name, with the nearest valid one, for a depth that is missing or does not belong,
    and for an invalid file, with the reason.
    """
    found = registry.object_of("architecture", name, Architecture, OfAnyDepth)
    if isinstance(found, OfAnyDepth):
        if depth is None:
            raise StudyError(
                f"{name} is made at any depth: give its number of sections, depths: [4] in a grid, depth: 4 in a "
                "search, depth=4 of a cell"
            )
        network = replace(found.build(depth), depth=depth)
    elif depth is not None:
        raise StudyError(f"{name} has no sections; leave its depth ({depth}) out")
    else:
        assert isinstance(found, Architecture)
        network = found
    if wrong := problem(network, name):
        raise StudyError(f"{registry.path_of('architecture', name)}: {wrong}")
    return network


def standard(network: Architecture) -> Architecture:
    """Return the network of the same name at the standard depth; a network without depths is its own standard."""
    return network if network.depth is None else architecture(network.name, STANDARD_DEPTH)
