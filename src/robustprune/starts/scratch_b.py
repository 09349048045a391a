"""Scratch-B: as scratch_e, for as many epochs as cost what dense training costs (Liu et al., ICLR 2019;
docs/baselines.md section 14): floor(epochs x MACs of the starting network / mean MACs of those kept), at most `cap`
times the epochs.
"""

import math

from pydantic import Field

from robustprune.starts.parts.control import ControlSettings, FreshControl


class Settings(ControlSettings):
    """Which cell's networks, and the longest training."""

    cap: float | None = Field(2.0, ge=1, description="at most this many times the common epochs; none: no limit")


class ScratchB(FreshControl):
    """The same budget of computation instead of epochs."""

    Settings = Settings

    def epochs(self, common: int) -> int:
        return math.floor(common * min(self.macs_ratio(), self.settings.cap or math.inf))
