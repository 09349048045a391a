"""Random pruning: the floor that every criterion must beat (docs/baselines.md section 13).

Scores are uniform numbers drawn once per unit from the replicate's own stream. Two forms: all units in one pool down to
a budget (`target`), or the widths of another method's networks (`units`), where only the choice of units is random.
"""

from pydantic import Field, model_validator
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork, membership


class Settings(ScheduleSettings):
    """A budget, or unit counts to match."""

    target: float | None = Field(None, gt=0, le=1, description="share of the starting parameters or MACs to keep")
    units: dict[str, int] | None = Field(None, description="slot -> units to keep, those of another method")

    @model_validator(mode="after")
    def _one_aim(self) -> "Settings":
        if (self.target is None) == (self.units is None):
            raise ValueError("give exactly one of target and units")
        return self


class Random(Criterion):
    """One uniform number per unit [R, n]."""

    Settings = Settings

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        sizes = {slot: context.units[slot] for slot in context.gated}
        drawn = context.noise.uniform(sizes, 1, context.dtype)
        self.buffers = {f"{slot}.score": numbers[:, 0].clone() for slot, numbers in drawn.items()}

    @classmethod
    def check(cls, settings: Settings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        if settings.units is not None and set(settings.units) != set(gated):
            raise StudyError(
                f"units: expected a count for each of {', '.join(gated)}, found {', '.join(settings.units)}"
            )

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self.buffer(slot, "score") for slot in self.context.gated}

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        if self.settings.units is None:
            return super().after_step(network)
        event = self.settings.event(self.moment)
        return None if event is None else self._towards_units(network, self.settings.share(event))

    def _towards_units(self, network: StackedNetwork, share: float) -> dict[str, Tensor]:
        """All but the highest scores of each slot; a channel takes its flattened features along."""
        remove = {}
        for slot, scores in self.scores(network).items():
            least = min(self.settings.units[slot], self.context.units[slot])
            count = round(least + (self.context.units[slot] - least) * share)
            gone = network.kept[slot] < 0
            described = self.context.architecture.slot(slot)
            if described.parent in remove:
                belongs = membership(network.kept[slot], described.positions, network.kept[described.parent])
                gone = gone | ~(belongs & ~remove[described.parent].unsqueeze(1)).any(2)
            rank = scores.masked_fill(gone, -1.0).argsort(1, descending=True).argsort(1)
            remove[slot] = gone | (rank >= count)
        return remove
