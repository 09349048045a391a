"""Linear predictors of the labels, one for each slot that a layer reads, fitted in closed form (docs/related.md 3).

With features H [N, n] and one-hot labels Y, the predictor P minimises ||H P - Y||^2 / N + r t ||P||^2, where t is the
mean of the diagonal of H^T H / N: A P = H^T Y / N with A = H^T H / N + r t I. Sums are in float64, over chunks of
images, because a convolution has thousands of features and the equations lose half the digits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import ForwardHooks, StackedNetwork

CHUNK = 1000


@dataclass(frozen=True)
class Predictor:
    """weights: P [n, classes]; inverse: of A [n, n]; both float64."""

    weights: Tensor
    inverse: Tensor

    def rises(self, groups: Sequence[Tensor]) -> Tensor:
        """Return by how much the penalised squared error rises without each group of features, after fitting again.

        groups: index tensors. For one feature it is ||P_j||^2 / (A^-1)_jj, for a group g
        tr(P_g^T [(A^-1)_gg]^-1 P_g), exactly, with t as it was.
        """
        if all(len(group) == 1 for group in groups):
            index = torch.cat(list(groups)) if groups else torch.zeros(0, dtype=torch.int64)
            return self.weights[index].square().sum(1) / self.inverse.diagonal()[index]
        return torch.stack([self._rise(group) for group in groups])

    def _rise(self, group: Tensor) -> Tensor:
        own = self.weights[group]
        return (own * torch.linalg.solve(self.inverse[group][:, group], own)).sum()


def fit(second: Tensor, crossed: Tensor, ridge: float) -> Predictor:
    """Return the predictor of second moments H^T H / N [n, n] and H^T Y / N [n, classes]; ridge: r."""
    matrix = second.clone()
    matrix.diagonal().add_(ridge * second.diagonal().mean())
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(matrix))
    return Predictor(inverse @ crossed, inverse)


def sources(architecture: Architecture) -> tuple[str, ...]:
    """Return the slots that a layer reads, in forward order; channels that are flattened are not among them."""
    return tuple(layer.reads for layer in architecture.layers if layer.reads)


class _Features(ForwardHooks):
    """Keep what the layers read of one network, with masks applied: slot -> [B, features]."""

    def __init__(self, masks: Mapping[str, Tensor]):
        self.masks, self.read = masks, dict[str, Tensor]()

    def gate(self, slot: str, h: Tensor) -> Tensor:
        if slot in self.masks:
            h = h * self.masks[slot].to(h.dtype).view(1, 1, -1, *[1] * (h.dim() - 3))
        self.read[slot] = h[0].flatten(1)
        return h


def one_network(network: StackedNetwork, replicate: int) -> StackedNetwork:
    """Return one of the stacked networks; it shares the weights."""
    parameters = {name: tensor.detach()[replicate : replicate + 1] for name, tensor in network.parameters.items()}
    return StackedNetwork(
        network.architecture, parameters, {s: kept[replicate : replicate + 1] for s, kept in network.kept.items()}
    )


@torch.no_grad()
def features(
    network: StackedNetwork, images: Tensor, slots: Sequence[str], masks: Mapping[str, Tensor]
) -> Iterator[dict[str, Tensor]]:
    """Yield slot -> features [b, n + 1] in float64 of chunks of images; the last feature is 1, for the bias.

    network: R = 1. images: uint8 [N, 784]. masks: slot -> bool [n], False where a unit counts as removed. Places that
    are padding are among the features, as zeros.
    """
    dtype = next(iter(network.parameters.values())).dtype
    pixels = network.kept["input"][0] if "input" in network.kept else None
    for part in images.split(CHUNK):
        read = part if pixels is None else part[:, pixels.clamp_min(0)] * (pixels >= 0)
        seen = _Features(masks)
        network.forward((read.to(dtype) / 255).unsqueeze(0), seen)
        yield {s: torch.nn.functional.pad(seen.read[s].double(), (0, 1), value=1.0) for s in slots}


def fitted(
    network: StackedNetwork,
    images: Tensor,
    labels: Tensor,
    slots: Sequence[str],
    ridge: float,
    masks: Mapping[str, Tensor] | None = None,
) -> dict[str, tuple[Predictor, Tensor]]:
    """Return slot -> predictor of the features that are there, and their indices [n] among all of the slot's.

    network: R = 1. images: uint8 [N, 784], labels [N]. The last index is that of the bias. Features that are padding,
    or False in the masks (slot -> bool [n]), are left out.
    """
    classes = network.architecture.classes
    second: dict[str, Tensor] = {}
    crossed: dict[str, Tensor] = {}
    chunks = features(network, images, slots, masks or {})
    for part, targets in zip(chunks, labels.split(CHUNK), strict=True):
        wanted = torch.nn.functional.one_hot(targets, classes).double()
        for slot, h in part.items():
            second[slot] = h.T @ h / len(labels) + second.get(slot, 0)
            crossed[slot] = h.T @ wanted / len(labels) + crossed.get(slot, 0)
    found = {}
    for slot in slots:
        there = network.kept[slot][0] >= 0
        if masks and slot in masks:
            there = there & masks[slot]
        per_unit = (len(second[slot]) - 1) // len(there)
        index = torch.cat([there.repeat_interleave(per_unit), torch.ones_like(there[:1])]).nonzero().flatten()
        found[slot] = (fit(second[slot][index][:, index], crossed[slot][index], ridge), index)
    return found


def groups_of(network: StackedNetwork, slot: str) -> tuple[str, list[Tensor]]:
    """Return the slot whose predictor judges the units of a slot, and for each place the features that are the unit's.

    network: R = 1. A channel has its positions; where these are flattened, those of its features that are there.
    Padding has no features.
    """
    source = network.architecture.reader(slot).reads or slot
    kept, read = network.kept[slot][0], network.kept[source][0]
    places = torch.arange(len(read), device=read.device)
    if source != slot:
        channels = torch.where(read >= 0, read // network.architecture.slot(source).positions, -2)
        return source, [places[channels == unit] if unit >= 0 else places[:0] for unit in kept]
    convolution = network.architecture.convolution(slot)
    size = _positions(network.architecture, slot) if convolution else 1
    return source, [
        torch.arange(place * size, (place + 1) * size, device=read.device) if unit >= 0 else places[:0]
        for place, unit in enumerate(kept.tolist())
    ]


def _positions(architecture: Architecture, slot: str) -> int:
    """Return the positions of a channel after pooling, which halves both sides."""
    convolution = architecture.convolution(slot)
    assert convolution is not None  # asked for convolutions only
    return convolution.positions // 4
