"""BMRS_N: Bayesian model reduction towards a spike (Wright, Igel and Selvan 2024; docs/baselines.md section 5).

Trains the model of SBP; a gate goes where the log evidence does not fall when its prior is replaced by a spike at the
left edge, dF_N = log[(b - a) q(x = a)] >= 0, at two consecutive epochs. The public code leaves a term
-(1/2) log 2 pi out and so prunes more; `criterion: public_code` does as it does (with the exact criterion flat
posteriors, which is what the KL makes of idle gates, stay just below 0 and are kept). Changed: the KL has weight 1/N
as in SBP (the public code averages it over gates: `kl_scale` reproduces that).
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from robustprune.methods.parts import truncated
from robustprune.methods.sbp import SBP
from robustprune.methods.sbp import Settings as SBPSettings


class Settings(SBPSettings):
    """As SBP, removing during training."""

    patience: int = Field(2, ge=1)
    criterion: Literal["exact", "public_code"] = Field(
        "exact", description="public_code leaves -(1/2) log 2 pi out of the log evidence, as the authors' code does"
    )


class BMRSN(SBP):
    """The gates of SBP with the spike criterion."""

    Settings = Settings

    def pruned(self, slot: str) -> Tensor:
        least = 0.0 if self.settings.criterion == "exact" else -0.5 * truncated.LOG_2PI
        return truncated.log_evidence_spike(*self.posterior(slot)) >= least

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0
