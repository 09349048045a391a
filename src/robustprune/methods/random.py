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
    def check_start(
        cls, settings: RandomSettings, architecture: Architecture, units: Mapping[str, int], gated: tuple[str, ...]
    ) -> None:
        super().check_start(settings, architecture, units, gated)
        counts = settings.units or {}
        for slot, count in counts.items():
            described = architecture.slot(slot)
            least, most, of = 0 if described.optional else 1, units[slot], "the starting network"
            if described.parent in counts:
                channels = counts[described.parent]
                least, most, of = channels, channels * described.positions, f"{channels} channels of {described.parent}"
            if not least <= count <= most:
                raise StudyError(f"units: {slot}: {count} of the {most} units of {of}; expected {least} to {most}")

    def scores(self, network: StackedNetwork) -> dict[str, Tensor]:
        return {slot: self.buffer(slot, "score") for slot in self.context.gated}

    def after_step(self, network: StackedNetwork) -> dict[str, Tensor] | None:
        if self.settings.units is None:
            return super().after_step(network)
        event = self.settings.event(self.moment)
        return None if event is None else self._to_units(network, self.settings.units, self.settings.share(event))

    def _to_units(self, network: StackedNetwork, units: Mapping[str, int], share: float) -> dict[str, Tensor]:
        """Return by slot all units but those of highest score; a channel leaves with its flattened features.

        The best feature of a channel that stays, stays too: a channel without one would leave with it.
        share: share of the whole removal that remains for later events.
        """
        remove: dict[str, Tensor] = {}
        for slot, scores in self.scores(network).items():
            count = round(units[slot] + (self.context.units[slot] - units[slot]) * share)
            gone = network.kept[slot] < 0
            described = self.context.architecture.slot(slot)
            if described.parent and described.parent in remove:
                belongs = membership(network.kept[slot], described.positions, network.kept[described.parent])
                belongs = belongs & ~remove[described.parent].unsqueeze(1)
                gone = gone | ~belongs.any(2)
                of_channel = scores.unsqueeze(2).masked_fill(~belongs, -1.0)
                best = (of_channel == of_channel.amax(1, keepdim=True)) & belongs
                scores = scores + best.any(2).to(scores.dtype)  # scores are below 1, so the best come first
                # of the channels that stay to the end, no more features may leave before than at the end
                channels = int((~remove[described.parent]).sum(1).max())
                spare = units[described.parent] * described.positions - units[slot]
                count = max(count, channels * described.positions - spare)
            rank = scores.masked_fill(gone, -1.0).argsort(1, descending=True).argsort(1)
            remove[slot] = gone | (rank >= count)
        return remove
