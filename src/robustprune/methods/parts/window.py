"""The windows of the Bernoulli method's removal rule (docs/method.md section 5)."""

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from robustprune.methods.parts.moment import Moment
from robustprune.study.strict import Strict


class RemovalSettings(Strict):
    """The removal rule and its windows."""

    remove_below: float = Field(0.02, ge=0, lt=0.5, description="threshold on the mean of theta over a window")
    removal_at: Literal["epoch", "window", "never"] = Field(
        "epoch",
        description="epoch: a window ends with each epoch; window: after `window` steps, wherever that is; never: "
        "units leave when gates are rounded, not before",
    )
    window: int | None = Field(None, ge=1, description="steps of a window, for removal_at: window")

    @model_validator(mode="after")
    def _window(self) -> "RemovalSettings":
        if (self.removal_at == "window") != (self.window is not None):
            raise ValueError("window, a number of steps, belongs to removal_at: window; give both or neither")
        return self


@dataclass(frozen=True)
class RemovalWindow:
    """Windows of steps over which theta and its slope are averaged.

    first: the step after which the first window opens. An idle gate can have moved from its start to 0 by then. begin:
    the step after which theta begins to move. every: the steps of a window; None: a window ends with an epoch and spans
    at least half an epoch.
    """

    first: int
    begin: int = 0
    every: int | None = None

    @classmethod
    def after(cls, start: float, drift: float, begin: int = 0, every: int | None = None) -> "RemovalWindow":
        """Return the windows of gates that begin at `start` and move by `drift` per step."""
        return cls(begin + math.ceil(start / drift), begin, every)

    def opens(self, moment: Moment) -> bool:
        """Return whether the first window opens at this moment."""
        return moment.step == self.first

    def length(self, moment: Moment) -> int | None:
        """Return the number of steps in the window that ends now, or None if none ends or it is too short."""
        if self.every is not None:
            since = moment.step - self.first
            return self.every if since > 0 and since % self.every == 0 else None
        if not moment.epoch_end:
            return None
        steps = moment.step - self._start(moment)
        return None if 2 * steps < moment.steps_per_epoch else steps

    def _start(self, moment: Moment) -> int:
        """Return the step after which the window that ends with this epoch opened.

        It opened at the start of the epoch, or when theta began to move or the first window opened if that was later.
        If that was less than half an epoch before the start of the epoch, the window was too short then and still
        counts.
        """
        epoch_start = moment.step - moment.steps_per_epoch
        for opened in (self.first, self.begin):
            if epoch_start - moment.steps_per_epoch / 2 < opened <= moment.step:
                return opened
        return epoch_start
