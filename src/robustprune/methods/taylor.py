"""First-order Taylor pruning, gate form (Molchanov et al., CVPR 2019; docs/baselines.md section 12).

The importance of a unit is (dL/dz)^2 for a gate z = 1 behind it, squared per mini-batch, averaged over the mini-batches
since the last pruning event, with momentum 0.9 across events. Units of lowest importance are removed at each event. By
Euler's identity dL/dz is the sum of w dL/dw over a unit's outgoing weights, so no gates are built. For a section these
are the weights by which it adds to its stream. Changed: the common schedule of criteria replaces a number of units
every 30 or 500 mini-batches.
"""

import torch
from torch import Tensor

from robustprune.methods.parts.base import Context, LossUnder
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.outgoing import outgoing_layer, over_outgoing
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.stacked import StackedNetwork

MOMENTUM = 0.9


def gate_gradient(network: StackedNetwork, slot: str) -> Tensor:
    """Return dL/dz [R, n] of gates z = 1 on a slot's units, from the gradients of the weights that read them."""
    weight = network.parameters[f"{outgoing_layer(network.architecture, slot).name}.weight"]
    if not weight.numel():
        return weight.new_zeros(network.kept[slot].shape)  # the section is gone
    assert weight.grad is not None  # called after the backward pass
    return over_outgoing(network, slot, weight.detach() * weight.grad)


class Taylor(Criterion[ScheduleSettings]):
    """Buffers: `summed`, squared gate gradients since the last event; `average`, their moving average."""

    layer_gates = True

    def __init__(self, settings: ScheduleSettings, context: Context):
        super().__init__(settings, context)
        self.buffers = self.filled("summed", 0.0) | self.filled("average", 0.0)
        for name in ("batches", "events"):
            self.buffers[name] = torch.zeros((), dtype=torch.int64, device=context.device)

    def step(self, network: StackedNetwork, losses: Tensor, loss: LossUnder) -> None:
        self.buffers["batches"] += 1
        for slot in self.context.gated:
            self.buffer(slot, "summed").add_(gate_gradient(network, slot).square())

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return the moving average, updated with the gradients since the last event."""
        kept = MOMENTUM if self.buffers["events"] else 0.0
        share = (1 - kept) / self.buffers["batches"].clamp_min(1)
        pairs = {slot: (self.buffer(slot, "average"), self.buffer(slot, "summed")) for slot in self.context.gated}
        return {slot: kept * average + share * summed for slot, (average, summed) in pairs.items()}

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        remove = super().after_step(network)
        if remove is None:
            return None
        self.buffers |= {f"{slot}.average": score for slot, score in self.scores(network).items()}
        for slot in self.context.gated:
            self.buffer(slot, "summed").zero_()
        self.buffers["batches"].zero_()
        self.buffers["events"] += 1
        return remove
