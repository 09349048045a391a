"""Iterative magnitude pruning with the L1 or L2 filter norm (Li et al., ICLR 2017; docs/baselines.md section 11).

After a dense warm-up the units of smallest normalised norm are removed at equally spaced events, and then the network
is fine-tuned, all within the common epoch budget. The budget of parameters or MACs falls along a cubic by default.
Changed: one pool over all slots with norms divided by their slot's mean (Torch-Pruning's default) replaces ratios per
layer from a sensitivity scan.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from robustprune.methods.parts.base import incoming_norm
from robustprune.methods.parts.criterion import Criterion, over_slot_mean
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.stacked import StackedNetwork


class MagnitudeSettings(ScheduleSettings):
    """The pruning schedule and the norm."""

    norm: Literal["l1", "l2"] = Field("l1", description="l1: sum |w|; l2: sum w^2")


class Magnitude(Criterion[MagnitudeSettings]):
    """Norm of each unit's incoming weights, divided by the mean of its slot."""

    Settings = MagnitudeSettings

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        power = 1 if self.settings.norm == "l1" else 2
        return {
            slot: over_slot_mean(incoming_norm(network, slot, power), network.kept[slot] >= 0)
            for slot in self.context.gated
        }
