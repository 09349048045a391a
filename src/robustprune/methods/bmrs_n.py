"""BMRS_N: Bayesian model reduction towards a spike (Wright, Igel and Selvan 2024; baselines.md section 5).

Trains the model of SBP; a gate goes where the log evidence does not fall when its prior is replaced by a spike at the
left edge, dF_N = log[(b - a) q(x = a)] >= 0 (with the -(1/2) log 2 pi that the public code leaves out), at two
consecutive epochs. Changed: the KL has weight 1/N as in SBP (the public code averages it over gates: `kl_scale`
reproduces that).
"""

from pydantic import Field
from torch import Tensor

from robustprune.methods import truncated
from robustprune.methods.sbp import SBP
from robustprune.methods.sbp import Settings as SBPSettings


class Settings(SBPSettings):
    """As SBP, removing during training."""

    patience: int = Field(2, ge=1)


class BMRSN(SBP):
    """The gates of SBP with the spike criterion."""

    Settings = Settings

    def pruned(self, slot: str) -> Tensor:
        return truncated.log_evidence_spike(*self.posterior(slot)) >= 0

    def closing(self, slot: str) -> Tensor:
        return self.settled(slot).detach() == 0
