"""Controls: networks of the size that another method found, trained without pruning (Liu et al., ICLR 2019; Frankle and
Carbin, ICLR 2019; baselines.md section 14). They ask whether the found size is all that matters.

A control says which units its networks have and which weights they start from.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import Context, FreshWeights, Method
from robustprune.networks.size import macs
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.config import Strict

Units = dict[str, Tensor]


class ControlSettings(Strict):
    """Whose networks."""

    of: str = Field(pattern=r"^[a-z0-9_]+/[A-Za-z0-9_]+$", description="method/strength of the source")


class Control(Method, ABC):
    """Dense training of the networks that a cell of the same axes found, replicate by replicate."""

    Settings = ControlSettings
    control = True
    fresh_weights = False

    def __init__(self, settings: ControlSettings, context: Context):
        super().__init__(settings, context)
        if len(context.found) < context.replicates:
            raise ValueError(f"{settings.of} left {len(context.found)} networks, {context.replicates} are needed")

    @abstractmethod
    def units(self, replicate: int) -> Units:
        """Original indices [n], ascending, of the units per slot that a replicate has."""

    def start(self, network: StackedNetwork, fresh: FreshWeights) -> dict[str, Tensor]:
        left_out = {slot: torch.ones_like(places, dtype=torch.bool) for slot, places in network.kept.items()}
        for replicate in range(self.context.replicates):
            units = self.units(replicate)
            if self.fresh_weights:
                counts = {slot: len(indices) for slot, indices in units.items()}
                self._put(network, replicate, units, fresh(replicate, counts))
            for slot, indices in units.items():
                left_out[slot][replicate, indices] = False
        return left_out

    def _put(self, network: StackedNetwork, replicate: int, units: Units, weights: Mapping[str, Tensor]) -> None:
        """Write a compact network's weights to the places of its units."""
        with torch.no_grad():
            for layer in self.context.architecture.layers:
                weight, bias = (network.parameters[f"{layer.name}.{kind}"][replicate] for kind in ("weight", "bias"))
                rows = units[layer.target] if layer.target else torch.arange(len(bias), device=bias.device)
                columns = units[layer.source] if layer.source else torch.arange(1, device=bias.device)
                weight[rows.unsqueeze(1), columns] = weights[f"{layer.name}.weight"]
                bias[rows] = weights[f"{layer.name}.bias"]

    def random_units(self, replicate: int, counts: Mapping[str, int]) -> Units:
        """So many units per slot, chosen at random; flattened features among those of the chosen channels, one of each
        channel first, so that none is left without."""
        chosen: Units = {}
        for slot in self.context.architecture.slots:
            total, count = self.context.units[slot.name], counts[slot.name]
            order = self.ranks[slot.name][replicate].argsort()
            if slot.parent:
                channel = order // slot.positions
                order = order[torch.isin(channel, chosen[slot.parent])]
                first = torch.tensor([(order // slot.positions == c).nonzero()[0].item() for c in chosen[slot.parent]])
                rest = torch.ones(len(order), dtype=torch.bool)
                rest[first] = False
                order = torch.cat([order[first], order[rest]])
                count = max(count, len(first))
            chosen[slot.name] = order[: min(count, total)].sort().values
        return chosen

    @cached_property
    def ranks(self) -> dict[str, Tensor]:
        """Slot -> random numbers [R, n] per unit of the starting network, from the replicates' own streams."""
        sizes = {slot.name: self.context.units[slot.name] for slot in self.context.architecture.slots}
        drawn = self.context.noise.branch(1, sizes).uniform(sizes, 1, torch.float64)
        return {name: numbers[:, 0] for name, numbers in drawn.items()}

    def found_counts(self, replicate: int) -> dict[str, int]:
        """Units per slot that the source kept."""
        return {slot: len(indices) for slot, indices in self.context.found[replicate].items()}

    def macs_ratio(self) -> float:
        """MACs of the starting network over the mean of those found."""
        architecture = self.context.architecture
        found = [macs(architecture, self.found_counts(r)) for r in range(self.context.replicates)]
        return macs(architecture, self.context.units) * len(found) / sum(found)
