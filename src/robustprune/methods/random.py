"""Random pruning, the lower bound for every criterion (docs/baselines.md section 13).

Scores are uniform numbers, drawn once per unit from the replicate's own stream. There are two forms. With `target` or
`target_params`, all units form one pool that is pruned to a budget. With `units`, the widths are those of another
method's networks and only the choice of units is random.
"""

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.methods.parts.base import Context
from robustprune.methods.parts.criterion import Criterion
from robustprune.methods.parts.schedule import ScheduleSettings
from robustprune.networks.architecture import Architecture
from robustprune.networks.stacked import StackedNetwork, membership


class RandomSettings(ScheduleSettings):
    """A budget, or unit counts to match."""

    aims = ("target", "target_params", "units")

    units: dict[str, int] | None = Field(None, description="slot -> number of units to keep, as another method kept")


class Random(Criterion[RandomSettings]):
    """Scores that are one uniform number per unit [R, n]."""

    Settings = RandomSettings
    layer_gates = True

    def __init__(self, settings: RandomSettings, context: Context):
        super().__init__(settings, context)
        sizes = {slot: context.units[slot] for slot in context.gated}
        drawn = context.noise.uniform(sizes, 1, context.dtype)
        self.buffers = {f"{slot}.score": numbers[:, 0].clone() for slot, numbers in drawn.items()}

    @classmethod
    def check(cls, settings: RandomSettings, architecture: Architecture, gated: tuple[str, ...]) -> None:
        super().check(settings, architecture, gated)
        if settings.units is not None and set(settings.units) != set(gated):
            raise StudyError(
                f"units: expected a count for each of {', '.join(gated)}, found {', '.join(settings.units)}"
            )

    @classmethod
    def check_start(cls, settings: RandomSettings, architecture: Architecture, units: Mapping[str, int]) -> None:
        super().check_start(settings, architecture, units)
        for slot, count in (settings.units or {}).items():
            least = 0 if architecture.slot(slot).optional else 1
            if not least <= count <= units[slot]:
                raise StudyError(
                    f"units: {slot}: {count} of the {units[slot]} units of the starting network; expected {least} to "
                    f"{units[slot]}"
                )

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self.buffer(slot, "score") for slot in self.context.gated}

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        if self.settings.units is None:
            return super().after_step(network)
        event = self.settings.event(self.moment)
        return None if event is None else self._to_units(network, self.settings.units, self.settings.share(event))

    def _to_units(self, network: StackedNetwork, units: Mapping[str, int], share: float) -> dict[str, Tensor]:
        """Return by slot all units but those of highest score; a channel leaves with its flattened features.

        share: share of the whole removal that remains for later events.
        """
        remove: dict[str, Tensor] = {}
        for slot, scores in self.scores(network).items():
            count = round(units[slot] + (self.context.units[slot] - units[slot]) * share)
            gone = network.kept[slot] < 0
            described = self.context.architecture.slot(slot)
            if described.parent and described.parent in remove:
                belongs = membership(network.kept[slot], described.positions, network.kept[described.parent])
                gone = gone | ~(belongs & ~remove[described.parent].unsqueeze(1)).any(2)
            rank = scores.masked_fill(gone, -1.0).argsort(1, descending=True).argsort(1)
            remove[slot] = gone | (rank >= count)
        return remove
