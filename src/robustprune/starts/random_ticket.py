"""Random ticket: as many units per slot as a method kept, chosen at random, with their initial weights (Frankle and
Carbin, ICLR 2019; docs/baselines.md section 14)."""

from robustprune.starts.parts.base import Units
from robustprune.starts.parts.control import Control


class RandomTicket(Control):
    """Same widths, other units of the same initial network."""

    def units(self, replicate: int) -> Units:
        return self.random_units(replicate, self.kept_counts(replicate))
