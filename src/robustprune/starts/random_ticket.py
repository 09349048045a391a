"""Random ticket: as many units per slot as a method kept, chosen at random, with their initial weights (Frankle and
Carbin, ICLR 2019; docs/baselines.md section 14)."""

from robustprune.starts.parts.base import Units
from robustprune.starts.parts.control import Control, ControlSettings


class RandomTicket(Control[ControlSettings]):
    """Numbers of units as in the source, random units of the same initial network."""

    def units(self, replicate: int) -> Units:
        return self.random_units(replicate, self.kept_counts(replicate))
