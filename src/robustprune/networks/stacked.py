"""The stacked network: R networks of one architecture in one; every tensor has a leading replicate axis."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture, Layer
from robustprune.networks.convolution import convolve, convolve_image
from robustprune.networks.layers import linear
from robustprune.networks.same_convolution import convolve_same


class ForwardHooks:
    """Hooks of a method into the forward pass; these leave activations as they are."""

    def gate(self, slot: str, h: Tensor) -> Tensor:
        """Return gated activations: h [R, B, n] or [R, B, C, H, W], after activation and pooling, in that shape.

        For the gate of a section, h is what the section adds to its stream: one gate [R, B, 1] multiplies all of it.
        """
        return h

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Gate h [R, B, in] and apply a linear layer; returns [R, B, out], before any ReLU."""
        assert layer.reads is not None, "only a convolution reads the image"
        return linear(self.gate(layer.reads, h), weight, bias)

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Gate h [R, B, in, H, W], unless it is the image, and apply a convolution with its pooling and ReLU.

        A convolution in a section has no pooling, and its last one no ReLU.
        """
        if layer.same:
            assert layer.reads is not None, "a section reads its stream"
            maps = convolve_same(self.gate(layer.reads, h), weight, bias)
            return maps if layer.adds else maps.relu()
        assert bias is not None, "only the last layer of a section has no bias"
        if layer.reads is None:
            return convolve_image(h, weight, bias)
        return convolve(self.gate(layer.reads, h), weight, bias)


class Gated(ForwardHooks):
    """Hooks that apply a given function gate(slot, h), as in ForwardHooks."""

    def __init__(self, gate: Callable[[str, Tensor], Tensor]):
        self._gate = gate

    def gate(self, slot: str, h: Tensor) -> Tensor:
        """Apply the given gate."""
        return self._gate(slot, h)


OPEN = ForwardHooks()


class StackedNetwork:
    """Weights of R networks and, per slot, the original units at their places.

    parameters: "<layer>.weight" [R, out, in(, k, k)] and "<layer>.bias" [R, out] of the layers that have one. A section
    that no replicate has left has weights without entries, and costs nothing.
    kept: slot -> int64 [R, n], the original index of the unit at each place, ascending. Replicates with fewer units
    than the largest are padded at the end: the index is -1 there, and the weights are zero and stay zero.
    """

    def __init__(self, architecture: Architecture, parameters: Mapping[str, Tensor], kept: Mapping[str, Tensor]):
        self.architecture = architecture
        self.parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self.kept = dict(kept)
        self._parents = {slot.name: slot.parent for slot in architecture.slots if slot.parent}
        self._flat = {
            slot: flat_index(self.kept[slot], self.kept[parent], architecture.slot(slot).positions)
            for slot, parent in self._parents.items()
        }
        read = [(self._parents.get(layer.reads or "", layer.reads), layer.name) for layer in architecture.layers]
        self._last_reader = dict(read)

    @property
    def replicates(self) -> int:
        """R, the number of stacked networks."""
        return next(iter(self.parameters.values())).shape[0]

    def places(self) -> dict[str, int]:
        """Return the places per slot, the width of the stacked tensors."""
        return {slot: kept.shape[1] for slot, kept in self.kept.items()}

    def counts(self) -> dict[str, Tensor]:
        """Return the units per slot and replicate, slot -> int64 [R], on the CPU."""
        return {slot: (kept >= 0).sum(1).cpu() for slot, kept in self.kept.items()}

    def forward(self, images: Tensor, hooks: ForwardHooks = OPEN) -> Tensor:
        """Return class scores [R, B, 10] of images [R, B, n] in [0, 1]; n: places of the input slot, or 784.

        Where the first layer is a convolution, images may be cut into windows (convolution.windows).
        """
        held: dict[str | None, Tensor] = {self.architecture.layers[0].reads: images}
        for layer in self.architecture.layers:
            weight, bias = self.parameters[f"{layer.name}.weight"], self.parameters.get(f"{layer.name}.bias")
            if weight.numel() == 0:
                continue  # in a section that no replicate has left
            slot = self._parents.get(layer.reads or "", layer.reads)
            # what no other layer reads is let go, so that its memory can be used again
            h = held.pop(slot) if self._last_reader[slot] == layer.name else held[slot]
            if layer.kernel > 1:
                h = hooks.convolve(layer, h, weight, bias)
            else:
                if layer.reads in self._flat:
                    # the gate of the channels precedes that of their flattened features
                    h = self._flatten(hooks.gate(self._parents[layer.reads], h), layer.reads)
                h = hooks.linear(layer, h, weight, bias)
                if layer.writes and not layer.adds:
                    h = h.relu_()
            if layer.adds:
                h = held[layer.writes] + hooks.gate(str(layer.within), h)
            held[layer.writes] = h
        return held[None]

    def _flatten(self, h: Tensor, slot: str) -> Tensor:
        """Return the kept features [R, B, n] of h [R, B, C, H, W], channel-major."""
        features, flat = h.flatten(2), self._flat[slot]
        if flat is None:
            return features
        index, mask = flat
        gathered = features.gather(2, index.unsqueeze(1).expand(-1, features.shape[1], -1))
        return gathered if mask is None else gathered * mask.to(features.dtype).unsqueeze(1)


def flat_index(features: Tensor, channels: Tensor, positions: int) -> tuple[Tensor, Tensor | None] | None:
    """Return where each kept feature lies among the places of the channels: index [R, f] and mask of padding [R, f].

    features [R, f], channels [R, c]: original indices, -1 in the padding. The mask is False where a feature is padding
    and None without padding. The result is None where all features of all channels are kept, so that no gather is
    needed.
    """
    valid = features >= 0
    place_of = torch.full((features.shape[0], int(channels.max()) + 2), -1, device=features.device)
    places = torch.arange(channels.shape[1], device=features.device).expand_as(channels)
    place_of.scatter_(1, torch.where(channels >= 0, channels, place_of.shape[1] - 1), places)
    channel = torch.where(valid, features, 0) // positions
    index = place_of.gather(1, channel) * positions + features % positions
    index = torch.where(valid, index, 0)
    whole = torch.arange(channels.shape[1] * positions, device=features.device)
    if index.shape[1] == len(whole) and bool(valid.all()) and bool((index == whole).all()):
        return None
    return index, None if bool(valid.all()) else valid


def membership(features: Tensor, positions: int, channels: Tensor) -> Tensor:
    """Return whether each flattened feature belongs to each channel, bool [R, f, c].

    features [R, f], channels [R, c]: original indices; padding (-1) belongs to no channel.
    """
    own = torch.where(features >= 0, features // positions, -2)
    return own.unsqueeze(2) == channels.unsqueeze(1)


def every_unit(units: Mapping[str, int], replicates: int, device: str = "cpu") -> dict[str, Tensor]:
    """Return the `kept` of an unpruned network: slot -> [R, n], the indices from 0."""
    return {slot: torch.arange(count, device=device).repeat(replicates, 1) for slot, count in units.items()}
