"""Scratch-B: as scratch_e, but with the compute of dense training (Liu et al., ICLR 2019; docs/baselines.md section
14).

The number of epochs is floor(epochs x MACs of the starting network / mean MACs of the kept networks), at most `cap`
times the common epochs.
"""

import math

from pydantic import Field

from robustprune.starts.parts.control import ControlSettings, FreshControl


class ScratchBSettings(ControlSettings):
    """Source cell and longest training."""

    cap: float | None = Field(2.0, ge=1, description="at most this many times the common epochs; null: no limit")


class ScratchB(FreshControl[ScratchBSettings]):
    """New weights for the source's units, trained with the compute of dense training."""

    Settings = ScratchBSettings

    def epochs(self, common: int) -> int:
        return math.floor(common * min(self.macs_ratio(), self.settings.cap or math.inf))
