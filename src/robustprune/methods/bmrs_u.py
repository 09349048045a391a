"""BMRS_U: Bayesian model reduction to a log-uniform prior near zero (Wright, Igel and Selvan 2024; docs/baselines.md
section 5).

As bmrs_n, with the reduced prior log-uniform on [log 2^-23, log 2^-p]: a gate is pruned if the posterior mass there is
at least the prior's. This rule keeps a gate that is concentrated below 2^-23. The rule E[theta] < 0.001 of SBP prunes
it.
"""

import math

from pydantic import Field
from torch import Tensor

from robustprune.methods.parts import truncated
from robustprune.methods.sbp import SBP, SBPSettings

LEFT = -23 * math.log(2)


class BMRSUSettings(SBPSettings):
    """Settings of SBP, with removal during training."""

    patience: int | None = Field(2, ge=1)
    p: int = Field(8, ge=1, lt=23, description="bits: the reduced prior ends at 2^-p")


class BMRSU(SBP):
    """The gates of SBP with the uniform criterion."""

    Settings = BMRSUSettings
    settings: BMRSUSettings

    def pruned(self, slot: str) -> Tensor:
        right = -self.settings.p * math.log(2)
        return truncated.log_evidence_uniform(*self.posterior(slot), LEFT, right) >= 0
