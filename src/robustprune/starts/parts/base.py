"""The contract of a start: the network with which a cell begins, and the length of its training.

A start is one file starts/<name>.py with one subclass of Start. A cell whose method is the name of a start trains the
method that the start names, by default `dense`, from the network of the start. Controls are starts. They train networks
of the size that another cell kept, without pruning, and so test whether the size alone explains a result (Liu et al.,
ICLR 2019; Frankle and Carbin, ICLR 2019; docs/baselines.md section 14).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from robustprune.methods.parts.noise import Noise
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.strict import Strict
from robustprune.study.training_settings import LONGEST

S = TypeVar("S", bound=Strict)
"""The type of a start's settings."""
Units = dict[str, Tensor]
"""Slot -> original indices [n], ascending."""
FreshWeights = Callable[[int, Mapping[str, int]], dict[str, Tensor]]
"""Draws new initial weights "<layer>.weight" [out, in(, k, k)] and biases of a replicate for these units per slot."""


@dataclass(frozen=True)
class StartContext:
    """Facts about the run that a start may use.

    gated: slots of the track. units: units per slot of the whole network. noise: the replicates' own streams. kept: the
    units that the source cell kept, one mapping per replicate, for starts whose settings name a source (`of`). weights:
    those of its compact networks, "<layer>.weight" [out, in(, k, k)] and biases; empty ones where it kept none.
    """

    architecture: Architecture
    gated: tuple[str, ...]
    units: Mapping[str, int]
    replicates: int
    noise: Noise
    kept: Sequence[Units] = field(default=())
    weights: Sequence[Mapping[str, Tensor]] = field(default=())


class Start(Generic[S]):
    """Base class of all starts: the whole network, the replicate's own initial weights, the common epochs.

    Required: none. Optional: units, weights, epochs, longest. `method` names the method that trains the network and
    `method_settings` holds its settings. Settings is the class that validates the start's entries in the configuration.
    layer_gates is True where the start fits tracks on which sections are closed.
    """

    method: ClassVar[str] = "dense"
    Settings: ClassVar[type[Strict]] = Strict
    layer_gates: ClassVar[bool] = False

    def __init__(self, settings: S, context: StartContext):
        self.settings = settings
        self.context = context

    @property
    def method_settings(self) -> Mapping[str, Any]:
        """The settings of the method that trains the network."""
        return {}

    def units(self, replicate: int) -> Units:
        """Return slot -> units with which a replicate begins; the others are removed before the first step."""
        return {slot: torch.arange(count) for slot, count in self.context.units.items()}

    def weights(self, replicate: int, units: Units, fresh: FreshWeights) -> dict[str, Tensor] | None:
        """Return the initial weights of the network of these units, or None for the replicate's own ones."""
        return None

    def epochs(self, common: int) -> int:
        """Return the number of epochs to train, given that of the study; used where epochs are the budget."""
        return common

    def longest(self, common: int) -> int:
        """Return the largest number of epochs where MACs are the budget, given the common number of epochs."""
        return LONGEST * common

    def begin(self, network: StackedNetwork, fresh: FreshWeights) -> dict[str, Tensor]:
        """Write the initial weights into `network` in place and return the units to leave out, slot -> bool [R, n]."""
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
        """Write the weights of a compact network to the places of its units."""
        with torch.no_grad():
            for layer in self.context.architecture.layers:
                weight = network.parameters[f"{layer.name}.weight"][replicate]
                rows = units[layer.writes] if layer.writes else torch.arange(len(weight), device=weight.device)
                columns = units[layer.reads] if layer.reads else torch.arange(1, device=weight.device)
                weight[rows.unsqueeze(1), columns] = weights[f"{layer.name}.weight"].to(weight.device)
                if layer.bias:
                    bias = network.parameters[f"{layer.name}.bias"][replicate]
                    bias[rows] = weights[f"{layer.name}.bias"].to(bias.device)
