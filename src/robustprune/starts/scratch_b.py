"""Scratch-B: as scratch_e, for as many epochs as cost what dense training costs (Liu et al., ICLR 2019; baselines.md
section 14): floor(epochs x MACs of the starting network / mean MACs of those found), at most `cap` times the epochs.
"""

import math

from pydantic import Field

from robustprune.starts.parts.control import ControlSettings
from robustprune.starts.scratch_e import ScratchE


class Settings(ControlSettings):
    """Whose networks, and the longest training."""

    cap: float | None = Field(2.0, ge=1, description="at most this many times the common epochs; none: no limit")


class ScratchB(ScratchE):
    """The same budget of computation instead of epochs."""

    Settings = Settings

    @property
    def epochs(self) -> int:
        factor = min(self.macs_ratio(), self.settings.cap or math.inf)
        return math.floor(self.context.epochs * factor)
