"""The stacked network: R networks of one architecture trained as one, every tensor with a leading replicate axis."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture, Layer, Slot
from robustprune.networks.convolution import convolve, convolve_image
from robustprune.networks.layers import linear


class ForwardHooks:
    """What a method may do to activations during the forward pass; this one leaves them as they are."""

    def gate(self, slot: str, h: Tensor) -> Tensor:
        """Gate a slot: h [R, B, n] or [R, B, C, H, W] after activation and pooling, returned in that shape."""
        return h

    def linear(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """A layer that reads units or features: gates h [R, B, in] and maps it to [R, B, out]."""
        return linear(self.gate(layer.reads, h), weight, bias)

    def convolve(self, layer: Layer, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """A convolution with its pooling and ReLU: gates h [R, B, in, H, W], unless it is the image."""
        if layer.reads is None:
            return convolve_image(h, weight, bias)
        return convolve(self.gate(layer.reads, h), weight, bias)


class Gated(ForwardHooks):
    """Given gates: gate(slot, h) as in ForwardHooks."""

    def __init__(self, gate: Callable[[str, Tensor], Tensor]):
        self.gate = gate


OPEN = ForwardHooks()


class StackedNetwork:
    """Weights of R networks and, per slot, which original units their places hold.

    parameters: "<layer>.weight" [R, out, in(, k, k)] and "<layer>.bias" [R, out].
    kept: slot -> int64 [R, n], the original index of the unit at each place, ascending, -1 in the padding at the
    end of replicates that need fewer places than the largest one. Weights of padded places are zero and stay so.
    """

    def __init__(self, architecture: Architecture, parameters: Mapping[str, Tensor], kept: Mapping[str, Tensor]):
        self.architecture = architecture
        self.parameters = {name: tensor.requires_grad_() for name, tensor in parameters.items()}
        self.kept = dict(kept)
        self._flat = {slot.name: self._flat_index(slot) for slot in architecture.slots if slot.parent}

    @property
    def replicates(self) -> int:
        """R, the number of stacked networks."""
        return next(iter(self.parameters.values())).shape[0]

    def places(self) -> dict[str, int]:
        """Places per slot: the width of the stacked tensors."""
        return {slot: kept.shape[1] for slot, kept in self.kept.items()}

    def counts(self) -> dict[str, Tensor]:
        """Units per slot and replicate: slot -> int64 [R] (on the CPU)."""
        return {slot: (kept >= 0).sum(1).cpu() for slot, kept in self.kept.items()}

    def forward(self, images: Tensor, hooks: ForwardHooks = OPEN) -> Tensor:
        """Class scores [R, B, 10] for images [R, B, n] scaled to [0, 1], n = places of the input slot (or 784).

        A network that begins with a convolution also takes its images cut into windows (convolution.windows).
        """
        h = images
        for layer in self.architecture.layers:
            weight, bias = self.parameters[f"{layer.name}.weight"], self.parameters[f"{layer.name}.bias"]
            if layer.kernel > 1:
                h = hooks.convolve(layer, h, weight, bias)
            else:
                if layer.reads in self._flat:
                    # the channels' own gate comes before the one of their flattened features
                    h = self._flatten(hooks.gate(self.architecture.slot(layer.reads).parent, h), layer.reads)
                h = hooks.linear(layer, h, weight, bias)
                if layer.writes:
                    h = h.relu_()
        return h

    def _flatten(self, h: Tensor, slot: str) -> Tensor:
        """[R, B, C, H, W] -> the kept features [R, B, n], channel-major."""
        features = h.flatten(2)
        if self._flat[slot] is None:
            return features
        index, mask = self._flat[slot]
        gathered = features.gather(2, index.unsqueeze(1).expand(-1, features.shape[1], -1))
        return gathered if mask is None else gathered * mask.to(features.dtype).unsqueeze(1)

    def _flat_index(self, slot: Slot) -> tuple[Tensor, Tensor | None] | None:
        """Where each kept feature lies among the parent's places: index [R, n] and mask of real places [R, n].

        None when every feature of the parent's places is kept in order, so that no gather is needed.
        """
        kept, parent = self.kept[slot.name], self.kept[slot.parent]
        real = kept >= 0
        place_of = torch.full((kept.shape[0], int(parent.max()) + 2), -1, device=kept.device)
        places = torch.arange(parent.shape[1], device=kept.device).expand_as(parent)
        place_of.scatter_(1, torch.where(parent >= 0, parent, place_of.shape[1] - 1), places)
        channel = torch.where(real, kept, 0) // slot.positions
        index = place_of.gather(1, channel) * slot.positions + kept % slot.positions
        index = torch.where(real, index, 0)
        whole = torch.arange(parent.shape[1] * slot.positions, device=kept.device)
        if index.shape[1] == len(whole) and bool(real.all()) and bool((index == whole).all()):
            return None
        return index, None if bool(real.all()) else real


def membership(features: Tensor, positions: int, channels: Tensor) -> Tensor:
    """Which channel each flattened feature belongs to: original indices [R, f] and [R, c] (-1: padding, which belongs
    nowhere) -> bool [R, f, c]."""
    own = torch.where(features >= 0, features // positions, -2)
    return own.unsqueeze(2) == channels.unsqueeze(1)


def every_unit(units: Mapping[str, int], replicates: int, device: str = "cpu") -> dict[str, Tensor]:
    """The `kept` of an unpruned network: slot -> [R, n] counting from 0."""
    return {slot: torch.arange(count, device=device).repeat(replicates, 1) for slot, count in units.items()}
