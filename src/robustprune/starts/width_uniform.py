"""Width-uniform: one factor on all gated slots that gives as many parameters as a method found, new random weights
(docs/baselines.md section 14). The floor for any method that claims to find widths: it chooses none.
"""

from robustprune.networks.size import parameters
from robustprune.starts.parts.base import Units
from robustprune.starts.parts.control import FreshControl


class WidthUniform(FreshControl):
    """Units chosen at random; flattened features follow the channels on track hidden."""

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
        """Units per slot at a factor, at least one each."""
        counts: dict[str, int] = {}
        for slot in self.context.architecture.slots:
            total = self.context.units[slot.name]
            scaled = max(1, round(factor * total))
            if slot.name in self.context.gated:
                # a channel keeps the share `factor` of its features as well, so that one factor rules all slots
                counts[slot.name] = min(scaled, counts[slot.parent] * slot.positions) if slot.parent else scaled
            else:
                counts[slot.name] = counts[slot.parent] * slot.positions if slot.parent else total
        return counts
