"""Pruning by a criterion: units of lowest score leave at the events of a schedule, down to a budget.

A method of this kind says how units are scored; everything else is shared. docs/baselines.md sections 11 to 13.
"""

from abc import ABC, abstractmethod

from torch import Tensor

from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.schedule import SIZES, ScheduleSettings, remove_to_budget
from robustprune.networks.stacked import StackedNetwork


class Criterion(Method, ABC):
    """Iterative pruning within the common epoch budget: dense warm-up, events, fine-tuning."""

    Settings = ScheduleSettings

    def __init__(self, settings: ScheduleSettings, context: Context):
        super().__init__(settings, context)
        self.dense = SIZES[settings.measure](context.architecture, context.units)

    @abstractmethod
    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Gated slot -> score [R, n] of each unit, comparable across slots; places of padding may hold anything."""

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        event = self.settings.event(self.moment)
        if event is None:
            return None
        budget = self.settings.budget(event, self.dense)
        return remove_to_budget(
            self.context.architecture, network.kept, self.scores(network), budget, self.settings.measure
        )


def over_slot_mean(score: Tensor, valid: Tensor) -> Tensor:
    """Scores [R, n] divided by the mean over their slot's units, so that slots can be compared; valid [R, n]: which
    places are no padding."""
    mean = (score * valid).sum(1, keepdim=True) / valid.sum(1, keepdim=True)
    return score / mean.clamp_min(1e-38)
