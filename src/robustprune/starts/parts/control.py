"""Controls: starts from the units, or from the numbers of units, that another cell kept."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from robustprune.errors import StudyError
from robustprune.networks.size import macs
from robustprune.starts.parts.base import FreshWeights, Start, StartContext, Units
from robustprune.study.strict import Strict


class ControlSettings(Strict):
    """Source cell of a control; it differs from the control's cell in method and strength only."""

    of: str = Field(pattern=r"^[a-z0-9_]+/[A-Za-z0-9_]+$", description="method/strength of the source cell")


C = TypeVar("C", bound=ControlSettings)


class Control(Start[C]):
    """Dense training of the networks that another cell kept, replicate by replicate."""

    Settings: ClassVar[type[Strict]] = ControlSettings

    def __init__(self, settings: C, context: StartContext):
        super().__init__(settings, context)
        if len(context.kept) < context.replicates:
            raise StudyError(
                f"of: {settings.of} left {len(context.kept)} networks, {context.replicates} are needed; train its cell "
                "with as many replicates, or ask for fewer here"
            )

    def units(self, replicate: int) -> Units:
        return dict(self.context.kept[replicate])

    def kept_counts(self, replicate: int) -> dict[str, int]:
        """Return slot -> number of units that the source kept."""
        return {slot: len(indices) for slot, indices in self.context.kept[replicate].items()}

    def macs_ratio(self) -> float:
        """Return the MACs of the whole network divided by the mean MACs of the networks that the source kept."""
        architecture = self.context.architecture
        kept = [macs(architecture, self.kept_counts(replicate)) for replicate in range(self.context.replicates)]
        return macs(architecture, self.context.units) * len(kept) / sum(kept)

    def random_units(self, replicate: int, counts: Mapping[str, int]) -> Units:
        """Draw the given number of units per slot at random.

        Flattened features are drawn from the chosen channels, first one of each channel, so that every channel has one.
        """
        chosen: Units = {}
        for slot in self.context.architecture.slots:
            total, count = self.context.units[slot.name], counts[slot.name]
            order = self.ranks[slot.name][replicate].argsort()
            if slot.parent:
                channel = order // slot.positions
                order = order[torch.isin(channel, chosen[slot.parent])]
                first = torch.tensor([(order // slot.positions == c).nonzero()[0].item() for c in chosen[slot.parent]])
                rest = torch.ones(len(order), dtype=torch.bool)
                rest[first] = False
                order = torch.cat([order[first], order[rest]])
                count = max(count, len(first))
            chosen[slot.name] = order[: min(count, total)].sort().values
        return chosen

    @cached_property
    def ranks(self) -> dict[str, Tensor]:
        """Random numbers by slot [R, n] for each unit of the starting network, from the replicates' own streams."""
        sizes = {slot.name: self.context.units[slot.name] for slot in self.context.architecture.slots}
        drawn = self.context.noise.branch(1, sizes).uniform(sizes, 1, torch.float64)
        return {name: numbers[:, 0] for name, numbers in drawn.items()}


class FreshControl(Control[C]):
    """A control with new initial weights, drawn for the fan-in and fan-out of its own network."""

    def weights(self, replicate: int, units: Units, fresh: FreshWeights) -> dict[str, Tensor]:
        return fresh(replicate, {slot: len(indices) for slot, indices in units.items()})
