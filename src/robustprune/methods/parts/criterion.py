"""Pruning by a criterion: the units of lowest score are removed at scheduled events, down to a budget.

A method of this kind defines the score of a unit. The schedule and the removal are shared (docs/baselines.md sections
11 to 13).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.base import Context, Method
from robustprune.methods.parts.schedule import SIZES, ScheduleSettings, remove_to_budget, smallest_units
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork
from robustprune.study.strict import Strict

C = TypeVar("C", bound=ScheduleSettings)


class Criterion(Method[C], ABC):
    """Iterative pruning within the common epoch budget: dense warm-up, pruning events, fine-tuning.

    Required: scores. Optional: every other hook of Method.
    """

    Settings: ClassVar[type[Strict]] = ScheduleSettings

    def __init__(self, settings: C, context: Context):
        super().__init__(settings, context)
        self.dense = SIZES[settings.measure](context.architecture, context.units)

    @classmethod
    def check_start(
        cls, settings: C, architecture: Architecture, units: Mapping[str, int], gated: tuple[str, ...]
    ) -> None:
        if settings.target is None and settings.target_params is None:
            return
        size = SIZES[settings.measure]
        start, least = size(architecture, units), size(architecture, smallest_units(architecture, units, gated))
        wanted = settings.budget(settings.events, start)
        if wanted > start:
            raise StudyError(
                f"target_params: {wanted:.0f} is more than the {start} parameters of the starting {architecture.name}; "
                "give at most that, or start from a wider network"
            )
        if wanted < least - 0.5:  # a share is rounded
            named, lowest = ("target", least / start) if settings.target_params is None else ("target_params", least)
            raise StudyError(
                f"{named}: asks for {wanted:.0f} of the {start} {settings.measure} of the starting "
                f"{architecture.name}, but {least} remain with one unit in every slot that this track prunes; give at "
                f"least {lowest:.6g}"
            )

    @abstractmethod
    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        """Return gated slot -> score [R, n] of each unit, comparable across slots; padding may hold any value."""

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        event = self.settings.event(self.moment)
        if event is None:
            return None
        budget = self.settings.budget(event, self.dense)
        return remove_to_budget(
            self.context.architecture, network.kept, self.scores(network), budget, self.settings.measure
        )


def over_slot_mean(score: Tensor, valid: Tensor) -> Tensor:
    """Return scores [R, n] over their slot's mean, so that slots are comparable; valid [R, n] is False at padding."""
    mean = (score * valid).sum(1, keepdim=True) / valid.sum(1, keepdim=True)
    return score / mean.clamp_min(1e-38)
