"""The exact DL of sampled gates: the loss of an image with a gate open minus that with it closed, all others fixed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.engine.compaction import compact, selection, surviving
from robustprune.methods.parts.estimators import spread
from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.layers import cross_entropy
from robustprune.networks.stacked import Gated, StackedNetwork

BATCH = 1000


@dataclass(frozen=True)
class Sampled:
    """Gates whose DL is wanted, and a network with no closed unit beside them: it computes what the whole one does.

    network: [R, ...]; theta: slot -> [R, places]; chosen: slot -> int64 [R, k], the sampled places of each network, -1
    where it has fewer than the others.
    """

    network: StackedNetwork
    theta: dict[str, Tensor]
    chosen: dict[str, Tensor]

    def units(self, slot: str) -> Tensor:
        """Return the original units [R, k] of the sampled gates of a slot, -1 where there is none."""
        units = self.network.kept[slot].gather(1, self.chosen[slot].clamp_min(0))
        return torch.where(self.chosen[slot] >= 0, units, -1)


def sampled(network: StackedNetwork, theta: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Sampled:
    """Return the sample of the gates that are wanted, slot -> bool [R, n]; other closed units are left out.

    So are units that change no score, such as a channel whose features are all closed.
    """
    closed = {slot: (values == 0) & ~wanted[slot] for slot, values in theta.items()}
    alive, _ = surviving(network.architecture, network.kept, closed, lambda: theta)
    taken = selection(alive)
    own = {slot: taken.take(values, slot) for slot, values in theta.items()}
    chosen = {}
    for slot, mask in wanted.items():
        asked = taken.take(mask, slot)
        order = torch.argsort(asked.to(torch.int8), dim=1, descending=True, stable=True)
        count = asked.sum(1)
        places = torch.arange(int(count.max()), device=asked.device)
        chosen[slot] = torch.where(places < count.unsqueeze(1), order[:, : len(places)], -1)
    return Sampled(compact(network, taken), own, chosen)


def some_of(mask: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return a mask like `mask` [R, n] with at most `count` of its entries in each row, drawn at random."""
    scores = torch.rand(mask.shape, generator=generator, device=mask.device).masked_fill(~mask, -1)
    best = scores.topk(min(count, mask.shape[1]), dim=1).indices
    return torch.zeros_like(mask).scatter_(1, best, True) & mask


def multiplied(gates: Mapping[str, Tensor]) -> Callable[[str, Tensor], Tensor]:
    """Return the hook that multiplies activations by gates, slot -> [R, B, n]; other slots stay as they are."""
    return lambda slot, h: h * spread(gates[slot], h) if slot in gates else h


def drawn(theta: Mapping[str, Tensor], rows: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Return slot -> gates [R, rows, n] in {0, 1} that are open with probability theta [R, n]."""
    gates = {}
    for slot, values in theta.items():
        shape = (len(values), rows, values.shape[1])
        uniform = torch.rand(shape, generator=generator, device=values.device, dtype=values.dtype)
        gates[slot] = (uniform < values.unsqueeze(1)).to(values.dtype)
    return gates


class Noted(Gated):
    """The forward pass under gates, slot -> [R, B, n]. It keeps what passes with one gate flipped need not compute."""

    def __init__(self, gates: Mapping[str, Tensor]):
        super().__init__(multiplied(gates))
        self.gates = gates
        self.read: dict[str, Tensor] = {}
        self.written: dict[str, Tensor] = {}

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a layer; note its inputs before their gates, and its scores, which the activation overwrites."""
        scores = super().linear(layer, h, weight, bias)
        self.read[layer.name], self.written[layer.name] = h, scores.clone()
        return scores

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Apply a layer and note its outputs."""
        self.written[layer.name] = super().convolve(layer, h, weight, bias)
        return self.written[layer.name]


class Flipped(Gated):
    """The same pass with one gate of every network flipped: the layers before it are those that were noted.

    place: [R, 1, 1], which gate of the slot. before: names of the layers up to the one that writes the slot. A linear
    layer that reads the slot changes by one column of its weights.
    """

    def __init__(self, noted: Noted, slot: str, place: Tensor, before: frozenset[str]):
        self.noted, self.slot, self.place, self.before = noted, slot, place, before
        gates = dict(noted.gates)
        across = place.expand(-1, gates[slot].shape[1], 1)
        self.change = 1 - 2 * gates[slot].gather(2, across)
        gates[slot] = gates[slot].scatter_add(2, across, self.change)
        super().__init__(multiplied(gates))

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the scores of a layer."""
        if layer.name in self.before:
            return self.noted.written[layer.name].clone()
        if layer.reads != self.slot:
            return super().linear(layer, h, weight, bias)
        column = weight.gather(2, self.place.expand(-1, weight.shape[1], 1)).transpose(1, 2)
        unit = self.noted.read[layer.name].gather(2, self.place.expand(-1, h.shape[1], 1))
        return torch.baddbmm(self.noted.written[layer.name], self.change * unit, column)

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the outputs of a layer."""
        if layer.name in self.before:
            return self.noted.written[layer.name]
        return super().convolve(layer, h, weight, bias)


@torch.no_grad()
def exact_values(
    sample: Sampled, images: Tensor, labels: Tensor, generator: torch.Generator | None
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return slot -> mean DL [R, k] over the images and its standard error.

    images [N, 784] in [0, 1], labels [N]. generator: draws the other gates anew for every image; None: they are rounded
    at 1/2. A sampled place of -1 has no meaning.
    """
    network, count = sample.network, len(images)
    sums = {
        slot: torch.zeros(2, *places.shape, dtype=torch.float64, device=places.device)
        for slot, places in sample.chosen.items()
    }
    for start in range(0, count, BATCH):
        x = inputs_of(network, images[start : start + BATCH])
        y = labels[start : start + BATCH].expand(network.replicates, -1)
        if generator is None:
            rounded = {slot: (theta > 0.5).to(theta.dtype).unsqueeze(1) for slot, theta in sample.theta.items()}
            noted = Noted({slot: xi.expand(-1, y.shape[1], -1) for slot, xi in rounded.items()})
        else:
            noted = Noted(drawn(sample.theta, y.shape[1], generator))
        base = cross_entropy(network.forward(x, noted), y)
        for slot, places in sample.chosen.items():
            before = _up_to(network.architecture, slot)
            for number in range(places.shape[1]):
                place = places[:, number].clamp_min(0).view(-1, 1, 1)
                flipped = Flipped(noted, slot, place, before)
                losses = cross_entropy(network.forward(x, flipped), y)
                difference = (flipped.change.squeeze(2) * (losses - base)).double()
                sums[slot][:, :, number] += torch.stack([difference.sum(1), difference.square().sum(1)])
    values = {}
    for slot, (total, squares) in sums.items():
        mean = total / count
        variance = (squares / count - mean.square()).clamp_min(0) / max(1, count - 1)
        values[slot] = (mean, variance.sqrt())
    return values


def _up_to(architecture: Architecture, slot: str) -> frozenset[str]:
    """Return the names of the layers up to the one that writes a slot, of a chain of layers; none for the input.

    None also where sections stand beside their stream: layers are then in no order of before and after.
    """
    if architecture.sections:
        return frozenset()
    names, writer = [layer.name for layer in architecture.layers], architecture.writer(slot)
    return frozenset(names[: names.index(writer.name) + 1]) if writer else frozenset()


def inputs_of(network: StackedNetwork, images: Tensor) -> Tensor:
    """Return the pixels [R, B, n] of images [B, 784] that each network has kept."""
    x = images.expand(network.replicates, -1, -1)
    kept = network.kept.get("input")
    if kept is None:
        return x
    x = x.gather(2, kept.clamp_min(0).unsqueeze(1).expand(-1, len(images), -1))
    return x * (kept >= 0).to(x.dtype).unsqueeze(1)
