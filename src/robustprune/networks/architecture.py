"""Architectures as data: slots where units are gated, and the layers between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from robustprune import registry
from robustprune.errors import StudyError
from robustprune.networks.structure import problem


@dataclass(frozen=True)
class Slot:
    """A place where units can be switched off.

    hidden: scales with the width factor and is gated on both tracks (input and flat only on track full).
    parent: the convolutional slot whose channels feed this flattened one, `positions` features per channel,
    channel-major (feature = channel * positions + position).
    """

    name: str
    units: int
    hidden: bool = True
    parent: str | None = None
    positions: int = 1


@dataclass(frozen=True)
class Layer:
    """A linear (kernel 1) or convolutional layer from one slot to the next.

    reads: the slot it reads, None for the image itself (one channel); writes: the slot it writes, None for the class
    scores; positions: output places per image, which multiply the MACs.
    """

    name: str
    reads: str | None
    writes: str | None
    kernel: int = 1
    positions: int = 1


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network: slots in forward order and the layers that connect them."""

    name: str
    slots: tuple[Slot, ...]
    layers: tuple[Layer, ...]
    classes: int = 10

    def slot(self, name: str) -> Slot:
        """The slot of that name."""
        return next(slot for slot in self.slots if slot.name == name)

    def units(self, width: float = 1.0) -> dict[str, int]:
        """Units per slot of the starting network; hidden slots scale with `width`.

        Raises StudyError where the scaled count is not a whole number of at least one.
        """
        counts: dict[str, int] = {}
        for slot in self.slots:
            count = counts[slot.parent] * slot.positions if slot.parent else slot.units
            if slot.hidden and not slot.parent:
                count = count * width
                # widths are decimal fractions, which a float holds almost: 100 * 1.1 is 110.00000000000001
                if round(count) < 1 or not math.isclose(count, round(count), rel_tol=1e-9):
                    raise StudyError(f"width {width:g}: slot {slot.name} of {self.name} would get {count:g} units")
            counts[slot.name] = round(count)
        return counts

    def shapes(self, units: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of a network of these units: "<layer>.weight" (out, in(, k, k)), "<layer>.bias"
        (out,)."""
        found: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            inputs = units[layer.reads] if layer.reads else 1
            outputs = units[layer.writes] if layer.writes else self.classes
            kernel = (layer.kernel, layer.kernel) if layer.kernel > 1 else ()
            found |= {f"{layer.name}.weight": (outputs, inputs, *kernel), f"{layer.name}.bias": (outputs,)}
        return found

    def gated(self, track: str) -> tuple[str, ...]:
        """Names of the slots that methods may prune on a track (full: all; hidden: without input and flat)."""
        return tuple(slot.name for slot in self.slots if track == "full" or slot.hidden)

    def reader(self, slot: str) -> Layer:
        """The layer that reads a slot (for a convolutional slot before a flattened one: the linear layer)."""
        flattened = [child.name for child in self.slots if child.parent == slot]
        return next(layer for layer in self.layers if layer.reads in [slot, *flattened])

    def writer(self, slot: str) -> Layer | None:
        """The layer that computes a slot's units (None for the input)."""
        name = self.slot(slot).parent or slot
        return next((layer for layer in self.layers if layer.writes == name), None)

    def convolution(self, slot: str) -> Layer | None:
        """The convolution whose channels a slot holds (None for units, flattened features and the input)."""
        writer = self.writer(slot)
        return writer if writer and writer.kernel > 1 and not self.slot(slot).parent else None


def architecture_names() -> list[str]:
    """Every architecture, in alphabetical order."""
    return registry.names("architecture")


def architecture(name: str) -> Architecture:
    """Look an architecture up; raises StudyError with the nearest valid name, or what is wrong with its file."""
    found = registry.object_of("architecture", name, Architecture)
    if wrong := problem(found, name):
        raise StudyError(f"{registry.path_of('architecture', name)}: {wrong}")
    return found
