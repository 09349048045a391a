"""Scratch-B: as scratch_e, but with the compute of dense training (Liu et al., ICLR 2019; docs/baselines.md section
14).

The number of epochs is floor(epochs x MACs of the starting network / mean MACs of the kept networks), at most `cap`
times the common epochs. Where MACs are the budget, training ends as that of every method does, and `cap` holds too.
"""

import math

from pydantic import Field

from robustprune.starts.parts.control import ControlSettings, FreshControl
from robustprune.study.training_settings import LONGEST


class ScratchBSettings(ControlSettings):
    """Source cell and longest training."""

    cap: float | None = Field(2.0, ge=1, description="at most this many times the common epochs; null: no limit")


class ScratchB(FreshControl[ScratchBSettings]):
    """New weights for the source's units, trained with the compute of dense training."""

    Settings = ScratchBSettings
    layer_gates = True

    def epochs(self, common: int) -> int:
        return math.floor(common * min(self.macs_ratio(), self.settings.cap or math.inf))

    def longest(self, common: int) -> int:
        return math.floor(common * min(LONGEST, self.settings.cap or math.inf))
