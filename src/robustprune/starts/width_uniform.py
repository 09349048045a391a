"""Width-uniform: one factor on all gated slots, chosen to give as many parameters as a method kept, with new random
weights (docs/baselines.md section 14). It is the reference for methods that learn widths, because it learns none.
It has no factor for the depth, so it does not fit tracks on which whole sections are gated.
"""

from robustprune.networks.size import parameters
from robustprune.starts.parts.base import Units
from robustprune.starts.parts.control import ControlSettings, FreshControl


class WidthUniform(FreshControl[ControlSettings]):
    """Random units with new weights; on track hidden, flattened features follow their channels."""

    def units(self, replicate: int) -> Units:
        architecture = self.context.architecture
        budget = parameters(architecture, self.kept_counts(replicate))
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            fits = parameters(architecture, self.scaled(middle)) <= budget
            low, high = (middle, high) if fits else (low, middle)
        return self.random_units(replicate, self.scaled(low))

    def scaled(self, factor: float) -> dict[str, int]:
        """Return slot -> number of units at a factor, at least one each."""
        counts: dict[str, int] = {}
        for slot in self.context.architecture.slots:
            total = self.context.units[slot.name]
            scaled = max(1, round(factor * total))
            if slot.name in self.context.gated:
                # the factor applies to the features of the remaining channels as well, so that it is one for all slots
                counts[slot.name] = min(scaled, counts[slot.parent] * slot.positions) if slot.parent else scaled
            else:
                counts[slot.name] = counts[slot.parent] * slot.positions if slot.parent else total
        return counts
