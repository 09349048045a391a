"""Physical removal of units from a stacked network, and extraction of one replicate at the end."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustprune.networks.architecture import Architecture
from robustprune.networks.folding import close_sections, select_units
from robustprune.networks.stacked import StackedNetwork, membership

GATED = "gated"
Masks = dict[str, Tensor]
Scores = Callable[[], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Selection:
    """The places that survive a compaction.

    order[slot][r, i] is the old index of new place i; valid[slot][r, i] is False where the new place is padding.
    """

    order: Mapping[str, Tensor]
    valid: Mapping[str, Tensor]

    def take(self, tensor: Tensor, slot: str, dim: int = 1) -> Tensor:
        """Return the selected entries along the axis `dim` (>= 1) of a tensor [R, ...]; padding becomes zero."""
        order, valid = self.order[slot], self.valid[slot]
        shape = [1] * tensor.dim()
        shape[0], shape[dim] = order.shape
        expanded = list(tensor.shape)
        expanded[dim] = order.shape[1]
        return tensor.gather(dim, order.view(shape).expand(expanded)).masked_fill(~valid.view(shape), 0)


def surviving(
    architecture: Architecture, kept: Mapping[str, Tensor], remove: Mapping[str, Tensor], scores: Scores
) -> tuple[Masks, Tensor]:
    """Return the places that survive a removal, slot -> bool [R, n], and the guarded replicates, bool [R].

    Removing a channel removes its flattened features; removing the last of these removes the channel
    (docs/baselines.md 0.4 c, d). Removing the gate of a section removes its units; removing the last of these removes
    the gate. Where another slot would become empty, the unit of the highest score stays and the replicate is guarded:
    it counts as collapsed.
    """
    alive: Masks = {}
    guarded = torch.zeros(next(iter(kept.values())).shape[0], dtype=torch.bool)
    for slot in architecture.slots:
        candidates = kept[slot.name] >= 0
        if slot.parent:
            belongs = membership(kept[slot.name], slot.positions, kept[slot.parent])
            candidates &= (belongs & alive[slot.parent].unsqueeze(1)).any(2)
        asked = remove.get(slot.name, torch.zeros_like(candidates))
        alive[slot.name] = candidates & ~asked
        empty = ~alive[slot.name].any(1)
        if not slot.optional and bool(empty.any()):
            score = scores().get(slot.name, torch.zeros_like(candidates, dtype=torch.float32))
            best = score.masked_fill(~candidates, -torch.inf).argmax(1)
            alive[slot.name][empty, best[empty]] = True
            guarded |= empty.cpu()
        if slot.parent:
            alive[slot.parent] &= (belongs & alive[slot.name].unsqueeze(2)).any(1)
    close_sections(architecture, alive)
    return alive, guarded


def selection(alive: Masks) -> Selection:
    """Return the places to keep, in ascending order, as many per slot as the largest replicate needs."""
    order, valid = {}, {}
    for slot, mask in alive.items():
        counts = mask.sum(1)
        places = int(counts.max())
        order[slot] = torch.argsort(mask.to(torch.int8), dim=1, descending=True, stable=True)[:, :places]
        valid[slot] = torch.arange(places, device=mask.device).expand(len(mask), -1) < counts.unsqueeze(1)
    return Selection(order, valid)


def select_parameters(
    architecture: Architecture, tensors: Mapping[str, Tensor], chosen: Selection
) -> dict[str, Tensor]:
    """Index "<layer>.weight" and "<layer>.bias" tensors (parameters or optimiser moments) along their units.

    Layers of sections that are gone may be missing: the optimizer does not hold them.
    """
    out = {}
    for layer in architecture.layers:
        for kind in ("weight", "bias"):
            name = f"{layer.name}.{kind}"
            if name not in tensors:
                continue
            tensor = tensors[name].detach()
            if layer.writes:
                tensor = chosen.take(tensor, layer.writes, 1)
            out[name] = chosen.take(tensor, layer.reads, 2) if layer.reads and kind == "weight" else tensor
    return out


def select_own(
    network: StackedNetwork, gated: Sequence[str], tensors: Mapping[str, Tensor], chosen: Selection
) -> dict[str, Tensor]:
    """Return a method's parameters or buffers after a compaction; their names say how (methods.parts.base)."""
    selected: dict[str, Tensor] = {}
    like_weights: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        scope, _, own = name.partition(".")
        if "/" in name:
            kind, weight = name.split("/")
            like_weights[kind][weight] = tensor
        elif own and scope == GATED:
            by_slot = tensor.detach().split([network.places()[slot] for slot in gated], 1)
            selected[name] = torch.cat([chosen.take(part, slot) for slot, part in zip(gated, by_slot, strict=True)], 1)
        else:
            selected[name] = chosen.take(tensor.detach(), scope) if own else tensor.detach()
    for kind, weights in like_weights.items():
        for weight, tensor in select_parameters(network.architecture, weights, chosen).items():
            selected[f"{kind}/{weight}"] = tensor
    return selected


def compact(network: StackedNetwork, chosen: Selection) -> StackedNetwork:
    """Return the stacked network with the chosen units only; it computes what the masked network computes."""
    kept = {}
    for slot, places in network.kept.items():
        taken = chosen.take(places, slot)
        kept[slot] = torch.where(chosen.valid[slot], taken, -1)
    parameters = select_parameters(network.architecture, network.parameters, chosen)
    return StackedNetwork(network.architecture, parameters, kept)


def extract(network: StackedNetwork, replicate: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return one replicate's weights without padding, and its kept original indices per slot.

    Weights below the smallest normal number become zero: they change no score, and on many CPUs they make the network
    twenty times slower.
    """
    held = {slot: places[replicate] >= 0 for slot, places in network.kept.items()}
    own = {name: tensor[replicate].detach() for name, tensor in network.parameters.items()}
    own = {name: tensor.masked_fill(tensor.abs() < torch.finfo(tensor.dtype).tiny, 0) for name, tensor in own.items()}
    weights = select_units(network.architecture, own, held)
    return weights, {slot: network.kept[slot][replicate][mask] for slot, mask in held.items()}
