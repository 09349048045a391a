"""Iterative magnitude pruning with the L1 filter norm (Li et al., ICLR 2017; baselines.md section 11).

Warm-up dense, then remove the units of smallest normalised norm in equal steps down to a parameter budget, then
fine-tune, all within the common epoch budget. Changed: one pool over all slots with norms divided by their slot's
mean (Torch-Pruning's default), instead of ratios per layer from a sensitivity scan.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from robustprune.methods.base import Context, Method, incoming_norm
from robustprune.methods.schedule import ScheduleSettings, remove_to_budget
from robustprune.metrics import parameters
from robustprune.networks.stacked import StackedNetwork


class Settings(ScheduleSettings):
    """The pruning schedule and the norm."""

    norm: Literal["l1", "l2"] = Field("l1", description="l1: sum |w|; l2: sum w^2")


class Magnitude(Method):
    """No gates: units leave by score at the events of the schedule."""

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.dense = parameters(context.architecture, context.units)

    def removals(self, network: StackedNetwork, step: int) -> dict[str, Tensor] | None:
        event = self.settings.event(step, self.context.steps_per_epoch * self.context.epochs)
        if event is None:
            return None
        budget = self.settings.budget(event, self.dense)
        return remove_to_budget(self.context.architecture, network.kept, self.scores(network), budget)

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Norm of each unit's incoming weights divided by the mean over its slot's units [R, n]."""
        power = 1 if self.settings.norm == "l1" else 2
        scores = {}
        for slot in self.context.gated:
            norm = incoming_norm(network, slot, power)
            real = (network.kept[slot] >= 0).to(norm.dtype)
            mean = (norm * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)
            scores[slot] = norm / mean.clamp_min(torch.finfo(norm.dtype).tiny)
        return scores
