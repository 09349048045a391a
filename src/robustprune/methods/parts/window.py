"""The windows of the Bernoulli method's removal rule (docs/method.md section 5)."""

import math
from dataclasses import dataclass

from robustprune.methods.parts.moment import Moment


@dataclass(frozen=True)
class RemovalWindow:
    """Windows of steps over which theta and its slope are averaged.

    A window ends with an epoch and spans at least half an epoch.

    first: the step after which the first window opens. An idle gate can have moved from its start to 0 by then.
    """

    first: int

    @classmethod
    def after(cls, start: float, drift: float) -> "RemovalWindow":
        """Return the windows of gates that begin at `start` and move by `drift` per step."""
        return cls(math.ceil(start / drift))

    def opens(self, moment: Moment) -> bool:
        """Return whether the first window opens at this moment."""
        return moment.step == self.first

    def length(self, moment: Moment) -> int | None:
        """Return the number of steps in the window that ends with this epoch, or None if it is too short."""
        steps = moment.step - self._start(moment)
        return None if 2 * steps < moment.steps_per_epoch else steps

    def _start(self, moment: Moment) -> int:
        """Return the step after which the window that ends with this epoch opened.

        It opened at the start of the epoch, or with the first window if that was later. If the first window opened less
        than half an epoch before the start of the epoch, it was too short then and still counts.
        """
        epoch_start = moment.step - moment.steps_per_epoch
        in_first = epoch_start - moment.steps_per_epoch / 2 < self.first <= moment.step
        return self.first if in_first else epoch_start
