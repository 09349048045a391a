"""BMRS_U: Bayesian model reduction towards a log-uniform prior near zero (Wright, Igel and Selvan 2024;
docs/baselines.md 5).

As bmrs_n with the reduced prior log-uniform on [log 2^-23, log 2^-p]: a gate goes where the posterior mass there is
at least the prior's. A gate collapsed below 2^-23 would stay: the rule E[theta] < 0.001 of SBP removes it.
"""

import math

from pydantic import Field
from torch import Tensor

from robustprune.methods.parts import truncated
from robustprune.methods.sbp import SBP
from robustprune.methods.sbp import Settings as SBPSettings

LEFT = -23 * math.log(2)


class Settings(SBPSettings):
    """As SBP, removing during training."""

    patience: int = Field(2, ge=1)
    p: int = Field(8, ge=1, lt=23, description="bits: the reduced prior ends at 2^-p")


class BMRSU(SBP):
    """The gates of SBP with the uniform criterion."""

    Settings = Settings

    def pruned(self, slot: str) -> Tensor:
        right = -self.settings.p * math.log(2)
        return truncated.log_evidence_uniform(*self.posterior(slot), LEFT, right) >= 0

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0
