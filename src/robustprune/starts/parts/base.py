"""The contract of a start: which network a cell begins with, and for how long it trains.

A start is one file starts/<name>.py with one subclass of Start. A cell whose method is a start's name trains the method
that the start names, by default `dense`, from what the start says. Controls are starts: networks of the size that
another cell's method kept, trained without pruning (Liu et al., ICLR 2019; Frankle and Carbin, ICLR 2019;
docs/baselines.md section 14). They ask whether the size is all that matters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustprune.methods.parts.noise import Noise
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.config import Strict

Units = dict[str, Tensor]
"""Slot -> original indices [n], ascending."""
FreshWeights = Callable[[int, Mapping[str, int]], dict[str, Tensor]]
"""New initial weights "<layer>.weight" [out, in(, k, k)] and biases of one replicate for these units per slot."""


@dataclass(frozen=True)
class StartContext:
    """What a start may know about the run.

    gated: slots of the track; units: units per slot of the whole network; noise: the replicates' own streams; kept: the
    units that the source cell kept, one mapping per replicate, for starts whose settings name a source (`of`).
    """

    architecture: Architecture
    gated: tuple[str, ...]
    units: Mapping[str, int]
    replicates: int
    noise: Noise
    kept: Sequence[Units] = field(default=())


class Start:
    """Base class: the whole network with the replicate's own initial weights, trained for the common epochs.

    Every hook is optional: units, weights, epochs. `method` names the method that trains and `method_settings` holds
    its settings.
    """

    method: ClassVar[str] = "dense"
    method_settings: ClassVar[Mapping[str, Any]] = {}

    class Settings(Strict):
        """The start's own settings: what a strength key of the configuration may set."""

    def __init__(self, settings: Strict, context: StartContext):
        self.settings = settings
        self.context = context

    def units(self, replicate: int) -> Units:
        """Return the units that a replicate begins with, by slot; the others are removed before the first step."""
        return {slot: torch.arange(count) for slot, count in self.context.units.items()}

    def weights(self, replicate: int, units: Units, fresh: FreshWeights) -> dict[str, Tensor] | None:
        """Return initial weights of the network of these units, or None: the replicate's own initial weights."""
        return None

    def epochs(self, common: int) -> int:
        """Return how many epochs to train, given those of the study."""
        return common

    def begin(self, network: StackedNetwork, fresh: FreshWeights) -> dict[str, Tensor]:
        """Write the initial weights into `network`, in place; return the units to leave out, slot -> bool [R, n]."""
        left_out = {slot: torch.ones_like(places, dtype=torch.bool) for slot, places in network.kept.items()}
        for replicate in range(self.context.replicates):
            units = self.units(replicate)
            weights = self.weights(replicate, units, fresh)
            if weights is not None:
                self._put(network, replicate, units, weights)
            for slot, indices in units.items():
                left_out[slot][replicate, indices] = False
        return left_out

    def _put(self, network: StackedNetwork, replicate: int, units: Units, weights: Mapping[str, Tensor]) -> None:
        """Write a compact network's weights to the places of its units."""
        with torch.no_grad():
            for layer in self.context.architecture.layers:
                weight, bias = (network.parameters[f"{layer.name}.{kind}"][replicate] for kind in ("weight", "bias"))
                rows = units[layer.writes] if layer.writes else torch.arange(len(bias), device=bias.device)
                columns = units[layer.reads] if layer.reads else torch.arange(1, device=bias.device)
                weight[rows.unsqueeze(1), columns] = weights[f"{layer.name}.weight"]
                bias[rows] = weights[f"{layer.name}.bias"]
