"""First-order Taylor pruning, gate form (Molchanov et al., CVPR 2019; baselines.md section 12).

The importance of a unit is (dL/dz)^2 for a gate z = 1 behind it, squared per mini-batch, averaged over the mini-batches
since the last pruning event, with momentum 0.9 across events. The units of lowest importance leave at the events of
the schedule. By Euler's identity dL/dz is the sum of w dL/dw over a unit's outgoing weights, which back-propagation has
at hand: the gates are never built. Changed: the common schedule of criteria instead of a number of units every 30 or
500 mini-batches.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from robustprune.methods.parts.base import Context, LossOfGates, Selection
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.stacked import StackedNetwork, membership

MOMENTUM = 0.9


def gate_gradient(network: StackedNetwork, slot: str) -> Tensor:
    """dL/dz [R, n] of gates z = 1 on a slot's units, from the gradients of the weights that read them."""
    architecture = network.architecture
    layer = architecture.reader(slot)
    weight = network.parameters[f"{layer.name}.weight"]
    gradient = (weight.detach() * weight.grad).sum((1, *range(3, weight.dim())))
    if layer.source == slot:
        return gradient
    # a channel read through its flattened features
    belongs = membership(network.kept[layer.source], architecture.slot(layer.source).positions, network.kept[slot])
    return torch.bmm(gradient.unsqueeze(1), belongs.to(gradient.dtype)).squeeze(1)


class Taylor(Criterion):
    """Sums of squared gate gradients since the last event, and the moving average over events."""

    def __init__(self, settings: ScheduleSettings, context: Context):
        super().__init__(settings, context)
        shape = {slot: (context.replicates, context.units[slot]) for slot in context.gated}
        self.summed, self.average = (
            {slot: torch.zeros(size, dtype=context.dtype, device=context.device) for slot, size in shape.items()}
            for _ in range(2)
        )
        self.batches = torch.zeros((), dtype=torch.int64, device=context.device)
        self.events = torch.zeros((), dtype=torch.int64, device=context.device)

    def step(self, network: StackedNetwork, rate: float, loss: LossOfGates) -> None:
        self.batches += 1
        for slot, total in self.summed.items():
            total.add_(gate_gradient(network, slot).square())

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """The moving average, with what was gathered since the last event counted in."""
        kept = MOMENTUM if self.events else 0.0
        share = (1 - kept) / self.batches.clamp_min(1)
        return {slot: kept * self.average[slot] + share * total for slot, total in self.summed.items()}

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        if self.event(step) is None:
            return None
        remove = super().removals(network, step)
        self.average = self.scores(network)
        for total in self.summed.values():
            total.zero_()
        self.batches.zero_()
        self.events += 1
        return remove

    def select(self, selection: Selection) -> None:
        for slot in self.summed:
            self.summed[slot] = selection.take(self.summed[slot], slot)
            self.average[slot] = selection.take(self.average[slot], slot)

    def state(self) -> dict[str, Tensor]:
        sums = {f"summed {slot}": total for slot, total in self.summed.items()}
        averages = {f"average {slot}": value for slot, value in self.average.items()}
        return sums | averages | {"batches": self.batches, "events": self.events}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for slot in self.summed:
            self.summed[slot], self.average[slot] = state[f"summed {slot}"], state[f"average {slot}"]
        self.batches, self.events = state["batches"], state["events"]
